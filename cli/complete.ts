/** The tree of commands as the command line has it in, a script by which a shell completes them out: so that the two never differ. */
import type { Command, Option } from 'commander';

interface Flag {
  /** `--name`, and `-n` where there is one. */
  readonly names: readonly string[];
  readonly says: string;
  /** What comes behind it: nothing, a file, one of these, or words of the user's own. */
  readonly value: 'none' | 'file' | 'any' | readonly string[];
}

interface Node {
  /** Blank before each word: '' is the program, ' user add' a command. */
  readonly path: string;
  readonly says: string;
  readonly commands: readonly { readonly name: string; readonly says: string }[];
  readonly flags: readonly Flag[];
  /** What stands without a flag: the same four. */
  readonly words: Flag['value'];
}

const FILES = /<(?:file|dir|prefix|recording|certificate)>|\[(?:file|dir)\]/;
const takenBy = (text: string, choices: readonly string[] | undefined): Flag['value'] =>
  choices ?? (FILES.test(text) ? 'file' : /[<[]/.test(text) ? 'any' : 'none');
const flagOf = ({ short, long, flags, description, argChoices }: Option): Flag => ({
  names: [long, short].filter((name) => name !== undefined),
  says: description,
  value: takenBy(flags, argChoices),
});
const says = (text: string): string => text.split(/[:;]/)[0] ?? '';

const nodesOf = (command: Command, path = ''): readonly Node[] => {
  const [argument] = command.registeredArguments;
  const help = command.createHelp();
  const subcommands = help.visibleCommands(command);
  return [
    {
      path,
      says: command.description(),
      commands: subcommands.map((one) => ({ name: one.name(), says: says(one.description()) })),
      flags: help.visibleOptions(command).map(flagOf),
      words: argument === undefined ? 'none' : takenBy(`<${argument.name()}>`, argument.argChoices),
    },
    ...subcommands.filter((one) => one.name() !== 'help').flatMap((one) => nodesOf(one, `${path} ${one.name()}`)),
  ];
};

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
const indented = (lines: readonly string[], by: string): string => lines.map((line) => `${by}${line}\n`).join('');

/** Which command the words so far name: for shells with `case`. */
const walk = (nodes: readonly Node[]): readonly string[] =>
  nodes.filter(({ path }) => path !== '').map(({ path }) => `${quoted(path)}) at="$at $word" ;;`);
const candidates = ({ commands, flags, words }: Node): readonly string[] => [
  ...commands.map(({ name }) => name),
  ...(typeof words === 'string' ? [] : words),
  ...flags.flatMap(({ names }) => names),
];

/** For bash, and for zsh by its own emulation of that. */
const bash = (nodes: readonly Node[]): string => {
  const values = nodes.flatMap(({ path, flags }) =>
    flags.flatMap(({ names, value }) => {
      if (value === 'none') return [];
      const patterns = names.map((name) => quoted(`${path} ${name}`)).join('|');
      if (value === 'file') return [`${patterns}) COMPREPLY=($(compgen -f -- "$cur")); return ;;`];
      const reply = value === 'any' ? '()' : `($(compgen -W ${quoted(value.join(' '))} -- "$cur"))`;
      return [`${patterns}) COMPREPLY=${reply}; return ;;`];
    }),
  );
  const words = nodes.map(
    (node) =>
      `${quoted(node.path)}) words=${quoted(candidates(node).join(' '))}; files=${node.words === 'file' ? 1 : ''} ;;`,
  );
  return `# bash completion for transvisor, made by: transvisor completion bash
_transvisor() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} at='' words='' files='' word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case "$at $word" in
${indented(walk(nodes), '      ')}    esac
  done
  case "$at $prev" in
${indented(values, '    ')}  esac
  case "$at" in
${indented(words, '    ')}  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
  if [[ -n $files && $cur != -* ]]; then COMPREPLY+=($(compgen -f -- "$cur")); fi
}
complete -o filenames -F _transvisor transvisor
`;
};

const zsh = (nodes: readonly Node[]): string => `#compdef transvisor
autoload -U +X bashcompinit && bashcompinit
${bash(nodes)}`;

const fish = (nodes: readonly Node[]): string => {
  const lines = nodes.flatMap(({ path, commands, flags, words }) => {
    const here = `complete -c transvisor -n 'test (__transvisor_at) = ${JSON.stringify(path)}'`;
    const ofWords = typeof words === 'string' ? [] : words.map((word) => `${here} -f -a ${quoted(word)}`);
    return [
      ...(words === 'file' ? [] : [`${here} -f`]),
      ...commands.map(({ name, says: text }) => `${here} -a ${quoted(name)} -d ${quoted(text)}`),
      ...ofWords,
      ...flags.map(({ names, says: text, value }) => {
        const named = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
        const taking =
          value === 'none'
            ? []
            : value === 'file'
              ? ['-r', '-F']
              : ['-x', ...(value === 'any' ? [] : [`-a ${quoted(value.join(' '))}`])];
        return [here, ...named, ...taking, `-d ${quoted(says(text))}`].join(' ');
      }),
    ];
  });
  return `# fish completion for transvisor, made by: transvisor completion fish
function __transvisor_at
    set -l at ''
    for word in (commandline -opc)[2..]
        switch "$at $word"
            case ${nodes
              .filter(({ path }) => path !== '')
              .map(({ path }) => quoted(path))
              .join(' ')}
                set at "$at $word"
        end
    end
    echo $at
end
${lines.join('\n')}
`;
};

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];
const MAKERS: Readonly<Record<Shell, (nodes: readonly Node[]) => string>> = { bash, zsh, fish };

export const completionOf = (program: Command, shell: Shell): string => MAKERS[shell](nodesOf(program));
