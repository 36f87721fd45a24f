//! Finding the tool behind what starts it: runners, interpreters, and the scripts of `package.json`.

use super::script::{Found, Lookup};

/// Scripts that run scripts that run scripts: deeper than this is a loop.
const DEPTH_MAX: u32 = 8;

/// A tool, called with arguments, somewhere inside a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    /// The program, package or module, without directory, version and file ending.
    pub(super) program: String,
    /// All arguments it will get, those from a script included.
    pub(super) arguments: Vec<String>,
    /// Where in the command more arguments for it can be put.
    at: usize,
    /// What must go before them.
    separators: Vec<String>,
}

impl Call {
    /// Where in the command to insert what, so that the tool gets these arguments.
    pub(super) fn hand_over(self, flags: Vec<String>) -> (usize, Vec<String>) {
        (self.at, self.separators.into_iter().chain(flags).collect())
    }
}

/// What a package manager makes of the arguments behind a script's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passing {
    /// Those behind a `--` go to the script, the others are its own (npm, `node --run`).
    Separated,
    /// All go to the script, a `--` as well (pnpm, bun).
    Plain,
    /// All go to the script, but a first `--` is dropped (yarn 1; later ones have no use for it).
    Dropping,
}

/// Where the next program of a command stands, or what stands there instead.
enum Step {
    /// The program at this place is run with what follows it.
    Program(usize),
    /// The same, but it only gets what is behind a `--` (`npm exec vite`).
    Separated(usize),
    /// A script, by the place of its name, or a program if there is no such script.
    Script { name: usize, dir: Option<String>, passing: Passing, or_program: bool },
    /// Nothing that can be told from here.
    Unknown,
}

/// Finds the tool behind a command. `scripts` looks a script of `package.json` up.
pub(super) fn unwrap(command: &[String], scripts: &mut dyn FnMut(&Lookup) -> Found) -> Option<Call> {
    unwrap_to(command, scripts, DEPTH_MAX)
}

fn unwrap_to(command: &[String], scripts: &mut dyn FnMut(&Lookup) -> Found, depth: u32) -> Option<Call> {
    let mut at = 0;
    // Every step goes further to the right, so that this ends.
    while let Some(step) = step(command, at) {
        match step {
            Step::Program(next) => at = next,
            Step::Separated(next) => return separated(command, next),
            Step::Script { name, dir, passing, or_program } => {
                let lookup = Lookup { name: command.get(name)?.clone(), dir };
                match scripts(&lookup) {
                    Found::Script(words) if depth > 0 => {
                        return through_script(command, name, passing, words, scripts, depth - 1);
                    }
                    Found::NoSuchScript if or_program => at = name,
                    Found::Script(_) | Found::NoSuchScript | Found::Unknown => return None,
                }
            }
            Step::Unknown => return None,
        }
    }
    let arguments = command.get(at + 1..)?.to_vec();
    let end = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
    Some(Call { program: name_of(command.get(at)?), arguments, at: at + 1 + end, separators: Vec::new() })
}

/// `npm exec vite`: npm keeps what is not behind a `--`.
fn separated(command: &[String], at: usize) -> Option<Call> {
    let behind = command.iter().skip(at).position(|word| word == "--").map(|place| at + place + 1);
    let arguments = behind.map_or_else(Vec::new, |behind| command[behind..].to_vec());
    let separators = if behind.is_some() { Vec::new() } else { vec!["--".to_owned()] };
    Some(Call { program: name_of(command.get(at)?), arguments, at: command.len(), separators })
}

/// A script: the tool in it gets what the package manager appends to the script's text.
fn through_script(
    command: &[String],
    name: usize,
    passing: Passing,
    mut words: Vec<String>,
    scripts: &mut dyn FnMut(&Lookup) -> Found,
    depth: u32,
) -> Option<Call> {
    let behind = command.get(name + 1..)?;
    let dashes = behind.iter().position(|word| word == "--");
    let mut separators = Vec::new();
    match (passing, dashes) {
        (Passing::Separated, Some(dashes)) => words.extend_from_slice(&behind[dashes + 1..]),
        (Passing::Separated, None) => separators.push("--".to_owned()),
        (Passing::Dropping, Some(0)) => words.extend_from_slice(&behind[1..]),
        (Passing::Dropping | Passing::Plain, _) => words.extend_from_slice(behind),
    }
    let inner = unwrap_to(&words, scripts, depth)?;
    // Only the end of a script can be reached from outside.
    let reachable = inner.at == words.len();
    separators.extend(inner.separators);
    reachable.then_some(Call { at: command.len(), separators, ..inner })
}

/// What the program at this place starts; `None` when it is the tool itself.
fn step(command: &[String], at: usize) -> Option<Step> {
    let program = name_of(command.get(at)?);
    let first = at + 1;
    match program.as_str() {
        "npm" => Some(npm(command, first)),
        "pnpm" | "yarn" | "bun" => Some(manager(command, first, &program)),
        "npx" | "pnpx" | "bunx" | "uvx" => {
            Some(program_behind(command, first, &["-p", "--package", "--from", "--with"]))
        }
        "node" | "nodejs" => Some(node(command, first)),
        "php" => Some(program_behind(command, first, &["-d", "-c"])),
        "env" | "cross-env" | "cross-env-shell" => Some(program_behind(command, first, &["-u", "-C"])),
        "dotenv" => Some(program_behind(command, first, &["-e", "-c", "-p", "-v", "-f"])),
        "nice" | "nohup" | "time" | "exec" | "caffeinate" | "corepack" => Some(program_behind(command, first, &["-n"])),
        "bundle" => Some(runner(command, first, "exec")),
        "uv" | "poetry" | "pipenv" | "pdm" | "rye" | "hatch" | "pixi" => Some(runner(command, first, "run")),
        "doppler" | "op" | "infisical" | "mise" => Some(behind_dashes(command, first)),
        name if is_python(name) => Some(python(command, first)),
        _ => None,
    }
}

/// `npm run dev`, `npm start`, `npm exec vite`.
fn npm(command: &[String], first: usize) -> Step {
    let options = ["--prefix", "-C", "-w", "--workspace", "--loglevel"];
    let Some(verb) = skip_options(command, first, &options) else { return Step::Unknown };
    let dir = value_of(command, &["--prefix", "-C", "-w", "--workspace"]);
    let passing = Passing::Separated;
    match command[verb].as_str() {
        "run" | "run-script" | "rum" | "urn" => match skip_options(command, verb + 1, &options) {
            Some(name) => Step::Script { name, dir, passing, or_program: false },
            None => Step::Unknown,
        },
        "start" => Step::Script { name: verb, dir, passing, or_program: false },
        "exec" | "x" => match skip_options(command, verb + 1, &["-p", "--package", "-w", "--workspace"]) {
            Some(next) if command[verb..next].iter().any(|word| word == "--") => Step::Program(next),
            Some(next) => Step::Separated(next),
            None => Step::Unknown,
        },
        _ => Step::Unknown,
    }
}

/// `pnpm dev`, `pnpm run dev`, `pnpm exec vite`, `pnpm dlx vite`, and the same of yarn and bun.
fn manager(command: &[String], first: usize, program: &str) -> Step {
    let options = ["-C", "--dir", "--cwd"];
    let passing = if program == "yarn" { Passing::Dropping } else { Passing::Plain };
    let Some(verb) = skip_options(command, first, &options) else { return Step::Unknown };
    // A package chosen by name could be anywhere.
    let elsewhere = ["--filter", "-F", "-r", "--recursive", "workspace", "workspaces"];
    if command[first..=verb].iter().any(|word| elsewhere.contains(&word.split('=').next().unwrap_or(word))) {
        return Step::Unknown;
    }
    let dir = value_of(&command[..verb], &options);
    match command[verb].as_str() {
        "run" | "run-script" => match skip_options(command, verb + 1, &options) {
            Some(name) => Step::Script { name, dir, passing, or_program: true },
            None => Step::Unknown,
        },
        "exec" | "dlx" | "x" => program_behind(command, verb + 1, &["-p", "--package"]),
        _ => Step::Script { name: verb, dir, passing, or_program: true },
    }
}

/// `node node_modules/vite/bin/vite.js`, `node --run dev`.
fn node(command: &[String], first: usize) -> Step {
    if let Some(place) = command.iter().skip(first).position(|word| word == "--run") {
        let name = first + place + 1;
        return Step::Script { name, dir: None, passing: Passing::Separated, or_program: false };
    }
    match skip_options(command, first, &["-r", "--require", "--import", "--loader", "-C", "--conditions"]) {
        // Somebody's own `vite.js` is not the tool.
        Some(script) if command[script].contains("node_modules") => Step::Program(script),
        _ => Step::Unknown,
    }
}

/// `python -m flask run`, `python manage.py runserver`.
fn python(command: &[String], first: usize) -> Step {
    let mut at = first;
    while let Some(word) = command.get(at) {
        match word.as_str() {
            "-m" => return Step::Program(at + 1),
            "-c" | "-" => return Step::Unknown,
            "-X" | "-W" => at += 2,
            option if option.starts_with('-') => at += 1,
            _ => return Step::Program(at),
        }
    }
    Step::Unknown
}

fn is_python(name: &str) -> bool {
    let version = name.strip_prefix("python").or_else(|| name.strip_prefix("pypy"));
    name == "py" || version.is_some_and(|version| version.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

/// `poetry run flask`: the program behind a word.
fn runner(command: &[String], first: usize, word: &str) -> Step {
    let valued =
        ["--with", "--python", "--env-file", "--project", "--directory", "--extra", "--group", "--package", "-e", "-C"];
    match skip_options(command, first, &valued) {
        Some(verb) if command[verb] == word => program_behind(command, verb + 1, &valued),
        _ => Step::Unknown,
    }
}

/// `op run -- vite`.
fn behind_dashes(command: &[String], first: usize) -> Step {
    let dashes = command.iter().skip(first).position(|word| word == "--");
    dashes.map_or(Step::Unknown, |place| Step::Program(first + place + 1))
}

/// The first word that is no option, no option's value and no `NAME=value`.
fn program_behind(command: &[String], first: usize, valued: &[&str]) -> Step {
    let mut at = first;
    loop {
        match skip_options(command, at, valued) {
            Some(next) if is_assignment(&command[next]) => at = next + 1,
            Some(next) => return Step::Program(next),
            None => return Step::Unknown,
        }
    }
}

/// The place of the first word that is neither an option nor the value of one of the `valued` ones.
fn skip_options(command: &[String], first: usize, valued: &[&str]) -> Option<usize> {
    let mut at = first;
    loop {
        let word = command.get(at)?;
        if word == "--" {
            return (at + 1 < command.len()).then_some(at + 1);
        }
        if !word.starts_with('-') {
            return Some(at);
        }
        at += if valued.contains(&word.as_str()) { 2 } else { 1 };
    }
}

/// The value of the first of these options that is given, as `--option value` or `--option=value`.
fn value_of(command: &[String], options: &[&str]) -> Option<String> {
    let own = command.iter().take_while(|word| *word != "--");
    own.clone()
        .zip(own.skip(1))
        .find_map(|(word, next)| options.contains(&word.as_str()).then(|| next.clone()))
        .or_else(|| {
            let with_value = command.iter().filter_map(|word| word.split_once('='));
            with_value.into_iter().find(|(option, _)| options.contains(option)).map(|(_, value)| value.to_owned())
        })
}

/// Whether a word sets a variable, as a shell or `env` reads it.
pub(super) fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

/// `node_modules/.bin/vite`, `vite.cmd` and `vite@5` are `vite`; `@angular/cli@19` is `@angular/cli`.
fn name_of(word: &str) -> String {
    let scope = if word.starts_with('@') { 1 } else { 0 };
    if let Some(version) = word[scope..].find('@') {
        return name_of(&word[..scope + version]);
    }
    if scope == 1 {
        return word.to_owned();
    }
    let file = word.rsplit(['/', '\\']).next().unwrap_or(word);
    let endings = [".cmd", ".exe", ".ps1", ".bat", ".mjs", ".cjs", ".js"];
    let stem = endings.iter().find_map(|ending| file.strip_suffix(ending)).unwrap_or(file);
    stem.to_owned()
}
