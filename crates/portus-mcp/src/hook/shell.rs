//! Reads a shell script far enough to see which programs it starts with which words.
//!
//! No shell: nothing is expanded or run. What it does not understand it passes over, since a hook that cannot tell
//! must not stand in the way.

/// One word of a command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Word {
    /// Its text, without quotes. What is only known when it runs stands in it as it was written.
    pub(super) text: String,
    /// Whether the shell puts something in when it runs.
    pub(super) is_dynamic: bool,
}

/// One command of a script: of a pipe, a list, a subshell or a substitution.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Command {
    /// `NAME=value` in front of it.
    pub(super) variables: Vec<(String, String)>,
    /// Its words, the program first.
    pub(super) words: Vec<Word>,
}

/// How deep substitutions are followed.
const DEPTH_MAX: usize = 8;

/// The longest script that is looked at, in characters.
const SCRIPT_LEN_MAX: usize = 64 * 1024;

/// Words that introduce a command without being one.
const INTRODUCTIONS: [&str; 14] =
    ["if", "then", "elif", "else", "fi", "while", "until", "do", "done", "!", "{", "}", "time", "esac"];

/// The commands of a script, in the order in which they are written.
pub(super) fn commands(script: &str) -> Vec<Command> {
    let mut reader = Reader {
        letters: script.chars().take(SCRIPT_LEN_MAX).collect(),
        at: 0,
        heredocs: Vec::new(),
        found: Vec::new(),
    };
    reader.list(None, 0);
    reader.found
}

struct Reader {
    letters: Vec<char>,
    at: usize,
    /// The ends of texts that begin at the next line.
    heredocs: Vec<String>,
    found: Vec<Command>,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    fn is_next(&self, letter: char) -> bool {
        self.letters.get(self.at + 1) == Some(&letter)
    }

    /// Reads commands until `end`, which is taken, or the end of the script.
    fn list(&mut self, end: Option<char>, depth: usize) {
        let mut command = Command::default();
        while let Some(letter) = self.peek() {
            if Some(letter) == end {
                self.at += 1;
                break;
            }
            match letter {
                '\n' => {
                    self.finish(&mut command);
                    self.at += 1;
                    self.skip_heredocs();
                }
                '&' if self.is_next('>') => {
                    self.at += 1;
                    self.redirection(depth);
                }
                ';' | '&' | '|' => {
                    self.finish(&mut command);
                    self.at += 1;
                }
                '<' | '>' => self.redirection(depth),
                '(' => {
                    self.at += 1;
                    self.nested(')', depth);
                    if let Some(word) = command.words.last_mut() {
                        word.is_dynamic = true;
                    }
                }
                // One that opens nothing here.
                ')' => self.at += 1,
                '#' => self.skip_line(),
                letter if letter.is_whitespace() => self.at += 1,
                _ => self.take_word(&mut command, end, depth),
            }
        }
        self.finish(&mut command);
    }

    fn finish(&mut self, command: &mut Command) {
        let command = std::mem::take(command);
        if !command.words.is_empty() || !command.variables.is_empty() {
            self.found.push(command);
        }
    }

    fn nested(&mut self, end: char, depth: usize) {
        if depth < DEPTH_MAX {
            self.list(Some(end), depth + 1);
        } else {
            self.at = self.letters.len();
        }
    }

    fn take_word(&mut self, command: &mut Command, end: Option<char>, depth: usize) {
        let word = self.word(end, depth);
        let is_descriptor = matches!(self.peek(), Some('<' | '>')) && word.text.chars().all(|c| c.is_ascii_digit());
        if is_descriptor || (command.words.is_empty() && INTRODUCTIONS.contains(&word.text.as_str())) {
            return;
        }
        if command.words.is_empty()
            && let Some((name, value)) = word.text.split_once('=')
            && is_name(name)
        {
            command.variables.push((name.to_owned(), value.to_owned()));
            return;
        }
        command.words.push(word);
    }

    fn word(&mut self, end: Option<char>, depth: usize) -> Word {
        let mut word = Word::default();
        while let Some(letter) = self.peek() {
            if Some(letter) == end {
                break;
            }
            match letter {
                '\'' => self.quoted(&mut word),
                '"' => self.double_quoted(&mut word, depth),
                '$' | '`' => self.dynamic(&mut word, depth),
                '\\' => {
                    self.at += 1;
                    let next = self.peek().filter(|next| *next != '\n');
                    word.text.extend(next);
                    self.at += 1;
                }
                ';' | '&' | '|' | '<' | '>' | '(' | ')' => break,
                letter if letter.is_whitespace() => break,
                letter => {
                    word.text.push(letter);
                    self.at += 1;
                }
            }
        }
        word
    }

    fn quoted(&mut self, word: &mut Word) {
        self.at += 1;
        while let Some(letter) = self.peek() {
            self.at += 1;
            if letter == '\'' {
                return;
            }
            word.text.push(letter);
        }
    }

    fn double_quoted(&mut self, word: &mut Word, depth: usize) {
        self.at += 1;
        while let Some(letter) = self.peek() {
            match letter {
                '"' => {
                    self.at += 1;
                    return;
                }
                '$' | '`' => self.dynamic(word, depth),
                '\\' => {
                    self.at += 1;
                    word.text.extend(self.peek());
                    self.at += 1;
                }
                letter => {
                    word.text.push(letter);
                    self.at += 1;
                }
            }
        }
    }

    /// `$name`, `${name}`, `$(script)`, `` `script` ``.
    fn dynamic(&mut self, word: &mut Word, depth: usize) {
        let opening = self.peek();
        self.at += 1;
        match (opening, self.peek()) {
            (Some('`'), _) => self.nested('`', depth),
            (_, Some('(')) => {
                self.at += 1;
                self.nested(')', depth);
            }
            (_, Some('{')) => {
                while self.peek().is_some_and(|letter| letter != '}') {
                    word.text.extend(self.peek());
                    self.at += 1;
                }
                self.at += 1;
            }
            (_, Some(letter)) if letter.is_alphanumeric() || "_!$?@*#-".contains(letter) => {
                word.text.extend(['$', letter]);
                self.at += 1;
            }
            // A dollar sign, and nothing more.
            _ => {
                word.text.push('$');
                return;
            }
        }
        word.is_dynamic = true;
    }

    /// `> file`, `2>&1`, `<<END`, `<(script)`.
    fn redirection(&mut self, depth: usize) {
        let from = self.at;
        while matches!(self.peek(), Some('<' | '>' | '&' | '-' | '!')) {
            self.at += 1;
        }
        let operator: String = self.letters[from..self.at].iter().collect();
        if self.peek() == Some('(') {
            self.at += 1;
            self.nested(')', depth);
            return;
        }
        while matches!(self.peek(), Some(' ' | '\t')) {
            self.at += 1;
        }
        let target = self.word(None, depth);
        if operator.starts_with("<<") && !operator.starts_with("<<<") {
            self.heredocs.push(target.text);
        }
    }

    fn skip_line(&mut self) {
        while self.peek().is_some_and(|letter| letter != '\n') {
            self.at += 1;
        }
    }

    fn skip_heredocs(&mut self) {
        for end in std::mem::take(&mut self.heredocs) {
            while self.at < self.letters.len() {
                let from = self.at;
                self.skip_line();
                let line: String = self.letters[from..self.at].iter().collect();
                self.at += 1;
                if line.trim() == end {
                    break;
                }
            }
        }
    }
}

fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(script: &str) -> Vec<String> {
        let shown = commands(script).into_iter().map(|command| {
            let variables = command.variables.iter().map(|(name, value)| format!("{name}={value}"));
            let words = command.words.iter().map(|word| {
                let mark = if word.is_dynamic { "~" } else { "" };
                format!("{mark}{}", word.text)
            });
            variables.chain(words).collect::<Vec<_>>().join(" ")
        });
        shown.collect()
    }

    #[test]
    fn commands_are_told_apart() {
        let table: &[(&str, &[&str])] = &[
            ("a b; c && d || e & f | g", &["a b", "c", "d", "e", "f", "g"]),
            ("A=1 B='x y' run \"q r\" \\z", &["A=1 B=x y run q r z"]),
            ("kill -9 $(lsof -ti:3000)", &["lsof -ti:3000", "kill -9 ~"]),
            ("kill `lsof -t`", &["lsof -t", "kill ~"]),
            ("echo \"$(date) $x\" > /dev/null 2>&1", &["date", "echo ~ $x"]),
            ("echo '$(rm)' # kill\nls", &["echo $(rm)", "ls"]),
            ("(cd x && ls)", &["cd x", "ls"]),
            ("while read p; do kill $p; done", &["read p", "kill ~$p"]),
            ("cat <<EOF\nkill -9 1\nEOF\nls", &["cat", "ls"]),
            ("if true; then ls; fi", &["true", "ls"]),
            ("diff <(a) <(b)", &["a", "b", "diff"]),
            ("echo $", &["echo $"]),
            ("a &> log &", &["a"]),
            ("", &[]),
            ("'", &[""]),
        ];
        for (script, wanted) in table {
            assert_eq!(read(script), *wanted, "{script}");
        }
    }

    #[test]
    fn nothing_makes_it_stumble() {
        for script in ["$(", "`", "\"", "((((((((((((((((", "<<", "a <<", "${", "\\", "x=$(", ")))", "a|", "|a"] {
            commands(script);
        }
        commands(&"$(".repeat(10_000));
    }
}
