/** The options by which a command's deployment is named. */

import { InvalidArgumentError, Option } from "commander";

/** The outputs of a construct, by the ends of their names. */
export type StackOutputs = Record<
  | "WebSocketUrl"
  | "HttpUrl"
  | "StatusTableName"
  | "RegistryTableName"
  | "EventBusName"
  | "DashboardUrl",
  string
>;

/** The values of a deployment that can be given one by one, by their options. */
export interface GivenValues {
  url?: string;
  httpUrl?: string;
  statusTable?: string;
  registryTable?: string;
  eventBus?: string;
  dashboardUrl?: string;
}

/** The options by which a target is named. */
export interface TargetOptions extends GivenValues {
  local?: boolean;
  outputs?: string;
  stack?: string;
  construct?: string;
  region?: string;
  profile?: string;
}

/** The option of each output. */
export const OPTION_OF: Readonly<
  Record<keyof StackOutputs, { flag: string; key: keyof GivenValues }>
> = {
  WebSocketUrl: { flag: "--url <url>", key: "url" },
  HttpUrl: { flag: "--http-url <url>", key: "httpUrl" },
  StatusTableName: { flag: "--status-table <name>", key: "statusTable" },
  RegistryTableName: { flag: "--registry-table <name>", key: "registryTable" },
  EventBusName: { flag: "--event-bus <name>", key: "eventBus" },
  DashboardUrl: { flag: "--dashboard-url <url>", key: "dashboardUrl" },
};

/** New options, shown in a group of their own. */
export function targetOptions(): Option[] {
  return [
    new Option(
      "--local",
      "the service on this machine, found by .local/outputs.json in this or a parent folder",
    ),
    new Option(
      "--outputs <file>",
      "the service in this file: outputs.json of `local`, or of cdk deploy --outputs-file",
    ),
    new Option("--stack <name>", "the deployed stack with this name, with your AWS credentials"),
    new Option("--construct <id>", "the construct to use if there are several"),
    new Option(OPTION_OF.WebSocketUrl.flag, "the URL that agents connect to").argParser(
      urlOf("ws"),
    ),
    new Option(OPTION_OF.HttpUrl.flag, "the URL for requests over HTTP").argParser(urlOf("http")),
    new Option(OPTION_OF.StatusTableName.flag, "the table of statuses"),
    new Option(OPTION_OF.RegistryTableName.flag, "the table of registered agents"),
    new Option(OPTION_OF.EventBusName.flag, "the event bus, by name or ARN"),
    new Option(OPTION_OF.DashboardUrl.flag, "the dashboard").argParser(urlOf("http")),
    new Option("--region <region>", "AWS region"),
    new Option("--profile <name>", "AWS profile with the credentials"),
  ].map((option) => option.helpGroup("Deployment:"));
}

/** The values among the options that were given one by one. */
export const givenIn = (options: TargetOptions): Partial<StackOutputs> =>
  Object.fromEntries(
    Object.entries(OPTION_OF).flatMap(([name, { key }]) =>
      options[key] === undefined ? [] : [[name, options[key]]],
    ),
  );

const urlOf = (scheme: string) => (text: string) => {
  if (URL.canParse(text) && new RegExp(`^${scheme}s?:$`).test(new URL(text).protocol)) return text;
  throw new InvalidArgumentError(`Expected a URL that begins with ${scheme}s://.`);
};
