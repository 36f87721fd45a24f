//! What a command really starts, once everything that only starts something else is taken off.

use super::shell::{Command, Word, commands};

/// One program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Started {
    /// Its name, without directory and in lower case.
    pub(super) name: String,
    pub(super) args: Vec<Word>,
    /// Its variables.
    pub(super) variables: Vec<(String, String)>,
    /// Whether its arguments come from a pipe.
    pub(super) is_fed: bool,
}

impl Started {
    /// Its arguments that are not options.
    pub(super) fn operands(&self) -> impl Iterator<Item = &str> {
        self.args.iter().map(|word| word.text.as_str()).filter(|text| !text.starts_with('-'))
    }

    /// Whether one of its arguments is this.
    pub(super) fn has(&self, text: &str) -> bool {
        self.args.iter().any(|word| word.text == text)
    }

    /// What follows one of these options, or is part of it: `-p 3000`, `-p3000`, `--port=3000`.
    pub(super) fn option(&self, names: &[&str]) -> Option<&str> {
        for (place, word) in self.args.iter().enumerate() {
            for name in names {
                if word.text == *name {
                    return self.args.get(place + 1).map(|next| next.text.as_str());
                }
                if let Some(rest) = word.text.strip_prefix(name) {
                    if let Some(value) = rest.strip_prefix('=') {
                        return Some(value);
                    }
                    if name.len() == 2 && rest.chars().all(|letter| letter.is_ascii_digit()) {
                        return Some(rest);
                    }
                }
            }
        }
        None
    }
}

/// How often a script may start another.
const DEPTH_MAX: usize = 4;

/// Programs that start the program they are given, and their options that take a value.
const STARTERS: &[(&str, &[&str])] = &[
    ("sudo", &["-u", "-g", "-h", "-p", "-C", "-D"]),
    ("doas", &["-u"]),
    ("env", &["-u", "-C"]),
    ("nohup", &[]),
    ("setsid", &[]),
    ("exec", &["-a"]),
    ("command", &[]),
    ("builtin", &[]),
    ("nice", &["-n"]),
    ("ionice", &["-c", "-n"]),
    ("stdbuf", &["-o", "-e", "-i"]),
    ("xargs", &["-I", "-n", "-P", "-L", "-d", "-E", "-s"]),
    ("npx", &["-p", "--package"]),
    ("pnpx", &[]),
    ("bunx", &[]),
    ("uvx", &["--from"]),
    ("dotenv", &["-e"]),
    ("cross-env", &[]),
];

/// Programs that start the program they are given after one or two words of their own.
const STARTERS_BY_WORD: &[(&str, &[&str])] = &[
    ("npm", &["exec", "x"]),
    ("pnpm", &["dlx", "exec"]),
    ("yarn", &["dlx", "exec"]),
    ("bun", &["x"]),
    ("uv", &["run"]),
    ("poetry", &["run"]),
    ("pipenv", &["run"]),
    ("bundle", &["exec"]),
    ("mise", &["exec", "x"]),
];

/// Programs that read a script from an argument.
const SHELLS: [&str; 7] = ["sh", "bash", "zsh", "dash", "ksh", "fish", "ash"];

/// Everything that a script starts.
pub(super) fn started(script: &str) -> Vec<Started> {
    let mut found = Vec::new();
    follow(script, 0, &mut found);
    found
}

fn follow(script: &str, depth: usize, found: &mut Vec<Started>) {
    for command in commands(script) {
        let Some(started) = unwrapped(command) else { continue };
        let is_shell = SHELLS.contains(&started.name.as_str());
        let script_inside = match started.name.as_str() {
            "eval" => Some(started.args.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")),
            _ if is_shell => {
                let flag = started.args.iter().position(|word| word.text.starts_with('-') && word.text.ends_with('c'));
                flag.and_then(|flag| started.args.get(flag + 1)).map(|word| word.text.clone())
            }
            _ => None,
        };
        match script_inside {
            Some(script) if depth < DEPTH_MAX => {
                let from = found.len();
                follow(&script, depth + 1, found);
                for inner in &mut found[from..] {
                    inner.is_fed |= started.is_fed;
                    inner.variables.extend(started.variables.iter().cloned());
                }
            }
            _ => found.push(started),
        }
    }
}

fn unwrapped(command: Command) -> Option<Started> {
    let Command { mut variables, words } = command;
    let mut words = words.into_iter().peekable();
    let mut is_fed = false;
    let name = loop {
        let name = base_name(&words.next()?.text);
        if let Some((_, valued)) = STARTERS.iter().find(|(starter, _)| *starter == name) {
            is_fed |= name == "xargs";
            skip_options(&mut words, valued);
        } else if name == "timeout" {
            skip_options(&mut words, &["-s", "-k", "--signal", "--kill-after"]);
            words.next();
        } else if let Some((_, verbs)) = STARTERS_BY_WORD.iter().find(|(starter, _)| *starter == name)
            && words.peek().is_some_and(|word| verbs.contains(&word.text.as_str()))
        {
            words.next();
            skip_options(&mut words, &["-p", "--package", "--with"]);
        } else {
            break name;
        }
        while let Some((name, value)) = words.peek().and_then(|word| word.text.split_once('=')) {
            variables.push((name.to_owned(), value.to_owned()));
            words.next();
        }
    };
    Some(Started { name, args: words.collect(), variables, is_fed })
}

fn skip_options(words: &mut std::iter::Peekable<impl Iterator<Item = Word>>, valued: &[&str]) {
    while let Some(option) = words.next_if(|word| word.text.starts_with('-')) {
        if option.text == "--" {
            return;
        }
        if valued.contains(&option.text.as_str()) {
            words.next();
        }
    }
}

/// `/usr/bin/Node.EXE` is `node`; `kill-port@2` is `kill-port`.
fn base_name(text: &str) -> String {
    let name = text.rsplit(['/', '\\']).next().unwrap_or_default().to_ascii_lowercase();
    let name = name.strip_suffix(".exe").unwrap_or(&name);
    name.split_once('@').map_or(name, |(name, _)| name).to_owned()
}
