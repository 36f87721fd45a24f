//! Requests on behalf of a worktree that may want its leases mirrored as a file.

use std::path::PathBuf;

use portus_proto::{Call, LeasesReply, MirrorCall, RequestCall};

use crate::client::Client;
use crate::error::CallError;
use crate::workspace::Workspace;

impl Workspace {
    /// The mirror that is configured here, or that none is.
    #[must_use]
    pub fn mirror(&self) -> MirrorCall {
        let configured = self.config.mirror.as_ref().map(|mirror| mirror.value.clone());
        let path = configured.map(PathBuf::into_os_string).and_then(|path| path.into_string().ok());
        MirrorCall { worktree: self.worktree.clone(), path }
    }
}

impl Client {
    /// Leases ports, all or none, and has the daemon keep the worktree's mirror, if one is configured, from before the
    /// grant on. A mirror that is configured no more is given up when the daemon says that it keeps one. What is wrong
    /// with a mirror is told in the notes, and keeps nobody from a port.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub fn request_mirrored(&mut self, call: RequestCall, mirror: &MirrorCall) -> Result<LeasesReply, CallError> {
        let mut note = None;
        if mirror.path.is_some() && !self.has_named_mirror {
            note = self.name_mirror(mirror)?;
        }
        let mut reply = self.request(call)?;
        if mirror.path.is_none() && reply.mirror.is_some() {
            note = self.name_mirror(mirror)?;
            reply.mirror = None;
        }
        reply.notes.extend(note);
        Ok(reply)
    }

    /// Returns why the daemon will not have it so, if it will not.
    fn name_mirror(&mut self, mirror: &MirrorCall) -> Result<Option<String>, CallError> {
        match self.call(Call::Mirror(mirror.clone())) {
            Ok(_) => {
                self.has_named_mirror = true;
                Ok(None)
            }
            Err(CallError::Refused(refusal)) => Ok(Some(format!("there is no mirror: {}; {}", refusal.message, refusal.hint))),
            Err(error) => Err(error),
        }
    }
}
