/** What API Gateway lets in of new connections. */

/**
 * The default quota of new connections a second, and the bucket's size. AWS names the rate alone; a bucket
 * of one second's tokens is the least that the rate implies.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-protect.html
 */
export const CONNECTS_PER_SECOND = 500;
