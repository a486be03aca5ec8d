/** Scripts by which a shell completes the command: all that they know is in them, so nothing is started. */

import type { Command, Option } from "commander";

export type Shell = "bash" | "zsh";

/** A command as it is typed, `agents list`, and what may follow it. */
interface Node {
  path: string;
  commands: { name: string; summary: string }[];
  options: { flags: string[]; description: string; values: Values }[];
}

/** What may follow an option. */
type Values = "none" | "any" | "file" | readonly string[];

/** @returns a script for the shell to source */
export function completionScript(program: Command, shell: Shell): string {
  const nodes = nodesOf(program);
  return shell === "bash" ? bashScript(program.name(), nodes) : zshScript(program.name(), nodes);
}

function nodesOf(program: Command): Node[] {
  const globals = program.options.filter((option) => option.long !== "--version").map(optionOf);
  const walk = (command: Command, path: string[]): Node[] => [
    {
      path: path.join(" "),
      commands: command.commands.map((child) => ({ name: child.name(), summary: child.summary() })),
      options: [
        ...(command === program ? [] : command.options.map(optionOf)),
        ...globals,
        { flags: ["--help", "-h"], description: "display help for command", values: "none" },
      ],
    },
    ...command.commands.flatMap((child) => walk(child, [...path, child.name()])),
  ];
  return walk(program, []);
}

function optionOf(option: Option): Node["options"][number] {
  const { short, long, description, argChoices, required } = option;
  const takesFile = /<(file|folder)>/.test(option.flags);
  const values = !required ? "none" : (argChoices ?? (takesFile ? "file" : "any"));
  return { flags: [long, short].filter((flag) => flag !== undefined), description, values };
}

/** The words of a list, in quotes of a shell. */
const quoted = (words: readonly string[]) => `'${words.join(" ").replaceAll("'", `'\\''`)}'`;

function bashScript(name: string, nodes: Node[]): string {
  const paths = nodes.filter(({ path }) => path !== "").map(({ path }) => path);
  return `# Completion of ${name} for bash.
_agent_heartbeat() {
  local word="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" path="" i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${path:+$path }\${COMP_WORDS[i]}" in
      ${paths.map((path) => quoted([path])).join("|")}) path="\${path:+$path }\${COMP_WORDS[i]}" ;;
    esac
  done
  local commands="" flags=""
  case "$path" in
${nodes.map(bashNode).join("\n")}
  esac
  if [[ "$word" == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$word"))
  elif [[ -n "$commands" ]]; then
    COMPREPLY=($(compgen -W "$commands" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -o filenames -F _agent_heartbeat ${name}
`;
}

function bashNode({ path, commands, options }: Node): string {
  const cases = options.flatMap(({ flags, values }) => {
    const answer = bashAnswer(values);
    return answer === undefined ? [] : [`        ${flags.join("|")}) ${answer}; return ;;`];
  });
  return [
    `    ${quoted([path])})`,
    `      commands=${quoted(commands.map((command) => command.name))}`,
    `      flags=${quoted(options.flatMap(({ flags }) => flags))}`,
    ...(cases.length > 0 ? ['      case "$previous" in', ...cases, "      esac"] : []),
    "      ;;",
  ].join("\n");
}

function bashAnswer(values: Values): string | undefined {
  if (values === "none") return undefined;
  if (values === "any") return "COMPREPLY=()";
  if (values === "file") return `COMPREPLY=($(compgen -f -- "$word"))`;
  return `COMPREPLY=($(compgen -W ${quoted(values)} -- "$word"))`;
}

function zshScript(name: string, nodes: Node[]): string {
  const paths = nodes.filter(({ path }) => path !== "").map(({ path }) => path);
  return `# Completion of ${name} for zsh.
_agent_heartbeat() {
  local route="" i
  for ((i = 2; i < CURRENT; i++)); do
    case "\${route:+$route }\${words[i]}" in
      (${paths.map((path) => quoted([path])).join("|")}) route="\${route:+$route }\${words[i]}" ;;
    esac
  done
  case "$route" in
${nodes.map(zshNode).join("\n")}
  esac
}
compdef _agent_heartbeat ${name}
`;
}

function zshNode({ path, commands, options }: Node): string {
  const specs = options.flatMap(({ flags, description, values }) =>
    flags.map(
      (flag) => `      ${quoted([`${flag}[${escaped(description)}]${zshValues(values)}`])}`,
    ),
  );
  const offers = commands.map(({ name, summary }) => quoted([`${name}:${summary}`]));
  if (commands.length === 0) {
    const operands = "      '*:file:_files'";
    return `    (${quoted([path])}) _arguments \\\n${[...specs, operands].join(" \\\n")} ;;`;
  }
  return [
    `    (${quoted([path])})`,
    `      if [[ "\${words[CURRENT]}" == -* ]]; then`,
    `        _arguments \\\n${specs.join(" \\\n")}`,
    "      else",
    `        local -a offers=(${offers.join(" ")})`,
    "        _describe command offers",
    "      fi ;;",
  ].join("\n");
}

function zshValues(values: Values): string {
  if (values === "none") return "";
  if (values === "any") return ":value: ";
  if (values === "file") return ":file:_files";
  return `:value:(${values.join(" ")})`;
}

/** Brackets and colons mean something in a description of zsh's. */
const escaped = (text: string) => text.replace(/[[\]:\\]/g, (sign) => `\\${sign}`);
