/** How a tool is added to the server, and what all tools have in common. */

import { z } from "zod";
import type { Deployment } from "../deployment/deployment";
import type { Io } from "../io";

export const AGENT = z.string().describe("the agent's id");

/** Lines of text: a model reads them as well as JSON, and they are a third as long. */
export type Lines = string[];

export interface ToolOptions<Input extends z.ZodObject> {
  description: string;
  inputSchema: Input;
  /** Whether it changes anything. */
  changes?: true;
}

/** Adds a tool. What `work` throws is answered as an error, in a sentence. */
export type AddTool = <Input extends z.ZodObject>(
  name: string,
  options: ToolOptions<Input>,
  work: (deployment: Deployment, input: z.infer<Input>, io: Io) => Promise<Lines>,
) => void;
