/**
 * The credentials of a function, which Lambda provides in the environment. The bundles use this instead of the AWS SDK's
 * provider chain, whose other providers take a fifth of a bundle's size.
 */

export { fromEnv as defaultProvider } from "@aws-sdk/credential-provider-env";
