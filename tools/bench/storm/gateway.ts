/** API Gateway's quota of new connections. */

/**
 * The default quota of new connections per second, which is also the bucket's size. AWS documents
 * only the rate; a bucket of one second's tokens is the minimum that the rate implies.
 *
 * @see
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-protect.html
 */
export const CONNECTS_PER_SECOND = 500;
