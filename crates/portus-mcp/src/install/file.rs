//! Changes a file at once or not at all, and keeps what it was.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::edit::Edit;

/// Why a file could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system refused.
    #[error("cannot {action} {}: {source}", file.display())]
    Io {
        /// What was tried: a verb.
        action: &'static str,
        /// With which file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else wrote it while the change was worked out.
    #[error("{} was changed meanwhile by another program, and was left alone", .0.display())]
    ChangedMeanwhile(PathBuf),
}

impl FileError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Io { .. } => "see that the file and its directory are yours and writable",
            Self::ChangedMeanwhile(_) => "run the command again; quit the agent first if it keeps writing",
        }
    }
}

/// What a file is to become.
#[derive(Debug)]
pub struct Change {
    file: PathBuf,
    /// Its text; `None` when there is no such file.
    before: Option<String>,
    after: Becomes,
}

#[derive(Debug)]
enum Becomes {
    Same,
    /// Another text; the old one is kept beside it.
    Edited(String),
    /// The text that was kept.
    Restored(String),
    Gone,
}

/// Works out what putting something in does to a file.
pub(super) fn installing(file: &Path, edit: &dyn Edit) -> Result<Result<Change, String>, FileError> {
    let before = read(file)?;
    Ok(edit.put_in(before.as_deref().unwrap_or_default()).map(|after| {
        let after = if before.as_ref() == Some(&after) { Becomes::Same } else { Becomes::Edited(after) };
        Change { file: file.to_owned(), before, after }
    }))
}

/// Works out what taking something out does to a file. `alone` is what a file holds with nothing else in it.
pub(super) fn uninstalling(file: &Path, edit: &dyn Edit, alone: &str) -> Result<Result<Change, String>, FileError> {
    let Some(before) = read(file)? else {
        return Ok(Ok(Change { file: file.to_owned(), before: None, after: Becomes::Same }));
    };
    let kept = read(&backup_of(file))?;
    Ok(without(edit, &before, kept, alone).map(|after| Change { file: file.to_owned(), before: Some(before), after }))
}

fn without(edit: &dyn Edit, before: &str, kept: Option<String>, alone: &str) -> Result<Becomes, String> {
    if !edit.is_in(before)? {
        return Ok(Becomes::Same);
    }
    // Nobody has changed the file since: it becomes what it was, to the last byte.
    if let Some(kept) = kept
        && edit.is_in(&kept) == Ok(false)
        && edit.put_in(&kept).is_ok_and(|text| text == before)
    {
        return Ok(Becomes::Restored(kept));
    }
    if before == alone {
        return Ok(Becomes::Gone);
    }
    edit.take_out(before).map(Becomes::Edited)
}

impl Change {
    /// The file.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Whether it is to become something else.
    pub(super) const fn is_change(&self) -> bool {
        !matches!(self.after, Becomes::Same)
    }

    /// Changes the file, unless somebody else did meanwhile.
    pub(super) fn apply(self) -> Result<(), FileError> {
        // A link is followed: those who keep their settings elsewhere want them changed there.
        let target = self.file.canonicalize().unwrap_or_else(|_| self.file.clone());
        let backup = backup_of(&self.file);
        if read(&target)? != self.before {
            return Err(FileError::ChangedMeanwhile(self.file));
        }
        match self.after {
            Becomes::Same => Ok(()),
            Becomes::Edited(text) => {
                if let Some(parent) = target.parent() {
                    fs::create_dir_all(parent).map_err(failed("make the directory of", &target))?;
                }
                if let Some(before) = &self.before {
                    write(&backup, before, Some(&target))?;
                }
                write(&target, &text, self.before.is_some().then_some(&*target))
            }
            Becomes::Restored(text) => {
                write(&target, &text, Some(&target))?;
                fs::remove_file(&backup).map_err(failed("remove", &backup))
            }
            Becomes::Gone => fs::remove_file(&target).map_err(failed("remove", &target)),
        }
    }
}

/// Where the text is kept that a file had before.
fn backup_of(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".portus-backup");
    file.with_file_name(name)
}

fn read(file: &Path) -> Result<Option<String>, FileError> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(failed("read", file)(source)),
    }
}

/// Writes a text beside the file and puts it in the file's place, with the permissions of `like`.
fn write(file: &Path, text: &str, like: Option<&Path>) -> Result<(), FileError> {
    let mut name = std::ffi::OsString::from(".");
    name.push(file.file_name().unwrap_or_default());
    name.push(format!(".portus-{}", std::process::id()));
    let fresh = file.with_file_name(name);
    let outcome = fill(&fresh, text, like).and_then(|()| fs::rename(&fresh, file));
    if outcome.is_err() {
        // It may not even exist.
        drop(fs::remove_file(&fresh));
    }
    outcome.map_err(failed("write", file))
}

fn fill(fresh: &Path, text: &str, like: Option<&Path>) -> io::Result<()> {
    let mut out = fs::OpenOptions::new().write(true).create_new(true).open(fresh)?;
    if let Some(like) = like {
        // Settings may hold secrets: nobody may read them in between.
        out.set_permissions(fs::metadata(like)?.permissions())?;
    }
    out.write_all(text.as_bytes())?;
    out.sync_all()
}

fn failed(action: &'static str, file: &Path) -> impl FnOnce(io::Error) -> FileError + use<> {
    let file = file.to_owned();
    move |source| FileError::Io { action, file, source }
}
