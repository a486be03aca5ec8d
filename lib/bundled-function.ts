/** A Lambda function of this service: bundled with esbuild, without platform logs, with its own role. */

import { Duration, RemovalPolicy } from "aws-cdk-lib";
import { Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import {
  Architecture,
  type EnvironmentOptions,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  SystemLogLevel,
  Tracing,
} from "aws-cdk-lib/aws-lambda";
import { LogGroup } from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import { functionCode } from "#assets";
import type { EnvironmentVariable, FunctionEnvironment } from "../core/environment";
import type { Settings } from "./settings";

/** Settings that all functions of a deployment share. */
export interface FunctionSettings
  extends Pick<Settings, "logRetention" | "tracing" | "encryptionKey" | "reservedConcurrency"> {
  readonly deployment: string;
}

export interface BundledFunctionProps {
  /** The name of its folder in `lambda`. */
  readonly entry: string;
  readonly description: string;
  readonly environment?: FunctionEnvironment;
  readonly settings: FunctionSettings;
  /** @default Duration.seconds(10) */
  readonly timeout?: Duration;
  /** In MB; CPU is proportional to it. @default 256 */
  readonly memorySize?: number;
}

export class BundledFunction extends LambdaFunction {
  constructor(scope: Construct, id: string, props: BundledFunctionProps) {
    const { logRetention, tracing, encryptionKey, deployment } = props.settings;
    const reserved: Partial<Record<string, number>> = { ...props.settings.reservedConcurrency };
    const logGroup = new LogGroup(scope, `${id}Logs`, {
      retention: logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
      ...(encryptionKey && { encryptionKey }),
    });
    // Not the managed policy that CDK would attach, which allows writing to every log group of the account.
    const role = new Role(scope, `${id}Role`, {
      assumedBy: new ServicePrincipal("lambda.amazonaws.com"),
    });
    logGroup.grantWrite(role);
    super(scope, id, {
      description: props.description,
      code: functionCode(scope, props.entry),
      handler: "index.handler",
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: props.memorySize ?? 256,
      timeout: props.timeout ?? Duration.seconds(10),
      ...(reserved[props.entry] !== undefined && {
        reservedConcurrentExecutions: reserved[props.entry],
      }),
      role,
      logGroup,
      loggingFormat: LoggingFormat.JSON,
      // START, END and REPORT lines of a heartbeat would cost about as much as the heartbeat.
      systemLogLevelV2: SystemLogLevel.WARN,
      tracing: tracing ? Tracing.ACTIVE : Tracing.DISABLED,
      environment: {
        POWERTOOLS_SERVICE_NAME: props.entry,
        DEPLOYMENT: deployment,
        ...props.environment,
      } satisfies FunctionEnvironment,
    });
  }

  override addEnvironment(
    name: EnvironmentVariable,
    value: string,
    options?: EnvironmentOptions,
  ): this {
    return super.addEnvironment(name, value, options);
  }
}
