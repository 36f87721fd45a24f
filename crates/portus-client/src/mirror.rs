//! Requests on behalf of a worktree that may want its leases mirrored as a file.

use std::path::PathBuf;

use portus_proto::{Call, LeasesReply, MirrorCall, Reply, RequestCall};

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
    /// Leases ports, all or none, and has the daemon keep the worktree's mirror, if one is configured: it is up to date
    /// then, unless its disk is slow. A mirror that is configured no more is given up when the daemon says that it
    /// keeps one. What is wrong with a mirror is told in the notes, and keeps nobody from a port.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub fn request_mirrored(&mut self, call: RequestCall, mirror: &MirrorCall) -> Result<LeasesReply, CallError> {
        let mut reply = self.request(call)?;
        let is_to_be_named = match &mirror.path {
            Some(_) => !self.has_named_mirror,
            None => reply.mirror.is_some(),
        };
        if is_to_be_named {
            reply.notes.extend(self.name_mirror(mirror));
        }
        Ok(reply)
    }

    /// Returns what is wrong with it. The ports are leased already, so that this fails nobody.
    fn name_mirror(&mut self, mirror: &MirrorCall) -> Vec<String> {
        match self.call(Call::Mirror(mirror.clone())) {
            Ok(Reply::Mirrored(mirrored)) => {
                self.has_named_mirror = true;
                mirrored.notes
            }
            Ok(other) => vec![format!("there is no mirror: the daemon answered with `{}`", other.kind())],
            Err(error) => vec![format!("there is no mirror: {error}; {}", error.hint())],
        }
    }
}
