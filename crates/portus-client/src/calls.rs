//! The calls by name, each with the one shape that its answer has.

use portus_proto::{
    AttachCall, AwaitCall, Call, Claim, ConfirmCall, ExplainCall, Explanation, ForgetCall, HealthCall, KeyCall,
    KillCall, Killed, LaunchCall, LeasesReply, ListCall, Listener, ListingReply, PinCall, PortCall, PruneCall,
    Quarantine, QuarantineCall, ReleaseCall, RenewCall, Reply, RequestCall, ScanCall, ScopeCall, Stats, Status,
    SuspectCall, Suspected, Verification, VerifyCall,
};

use crate::client::Client;
use crate::error::CallError;

/// Calls whose answer has one shape, by name.
macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident($call:ty) = $variant:ident -> $reply:ident($answer:ty);)+) => {
        impl Client {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// [`CallError::Refused`] with the daemon's reason; the others when there is no answer.
                pub fn $name(&mut self, call: $call) -> Result<$answer, CallError> {
                    match self.call(Call::$variant(call))? {
                        Reply::$reply(answer) => Ok(answer.into()),
                        other => Err(unexpected(stringify!($name), &other)),
                    }
                }
            )+
        }
    };
}

calls! {
    /// Leases ports, all or none.
    request(RequestCall) = Request -> Leases(LeasesReply);
    /// Says that a service is up.
    confirm(ConfirmCall) = Confirm -> Leases(LeasesReply);
    /// Moves a lease's time to live on.
    renew(RenewCall) = Renew -> Leases(LeasesReply);
    /// Gives leases back.
    release(ReleaseCall) = Release -> Leases(LeasesReply);
    /// Waits until a lease is active.
    wait_for(AwaitCall) = Await -> Leases(LeasesReply);
    /// Names the leases of a scope.
    list(ListCall) = List -> Listing(ListingReply);
    /// Names the claims of a scope.
    claims(ScopeCall) = Claims -> Claims(Vec<Claim>);
    /// Keeps a key's number for good.
    pin(PinCall) = Pin -> Claims(Vec<Claim>);
    /// No longer keeps it for good.
    unpin(KeyCall) = Unpin -> Claims(Vec<Claim>);
    /// Drops claims.
    forget(ForgetCall) = Forget -> Claims(Vec<Claim>);
    /// Finds, and drops if asked, claims whose worktree is gone.
    prune(PruneCall) = Prune -> Claims(Vec<Claim>);
    /// Marks a port dead for good.
    quarantine(QuarantineCall) = Quarantine -> Quarantines(Vec<Quarantine>);
    /// Undoes that.
    revive(PortCall) = Revive -> Quarantines(Vec<Quarantine>);
    /// Names who listens on the machine.
    scan(ScanCall) = Scan -> Listeners(Vec<Listener>);
    /// Says whose port it is.
    explain(ExplainCall) = Explain -> Explained(Box<Explanation>);
    /// Says whether the services' servers are the worktree's own.
    verify(VerifyCall) = Verify -> Verified(Verification);
    /// Ends what listens on a port.
    kill(KillCall) = Kill -> Killed(Killed);
    /// Says what a service answered when it was asked whether it is well.
    report_health(HealthCall) = ReportHealth -> Leases(LeasesReply);
    /// Says that the holder's program ended before it listened.
    suspect(SuspectCall) = Suspect -> Suspected(Suspected);
}

impl Client {
    /// Ends the leases that nobody is behind any more, and names them.
    ///
    /// # Errors
    /// As every call.
    pub fn sweep(&mut self) -> Result<LeasesReply, CallError> {
        match self.call(Call::Sweep)? {
            Reply::Leases(answer) => Ok(answer),
            other => Err(unexpected("sweep", &other)),
        }
    }

    /// The quarantined ports.
    ///
    /// # Errors
    /// As every call.
    pub fn quarantines(&mut self) -> Result<Vec<Quarantine>, CallError> {
        match self.call(Call::Quarantines)? {
            Reply::Quarantines(answer) => Ok(answer),
            other => Err(unexpected("quarantines", &other)),
        }
    }

    /// What the daemon says of itself.
    ///
    /// # Errors
    /// As every call.
    pub fn status(&mut self) -> Result<Status, CallError> {
        match self.call(Call::Status)? {
            Reply::Status(answer) => Ok(answer),
            other => Err(unexpected("status", &other)),
        }
    }

    /// What the daemon has counted, how things stand, and what needs a look.
    ///
    /// # Errors
    /// As every call.
    pub fn stats(&mut self) -> Result<Box<Stats>, CallError> {
        match self.call(Call::Stats)? {
            Reply::Stats(answer) => Ok(answer),
            other => Err(unexpected("stats", &other)),
        }
    }

    /// Asks the daemon to leave.
    ///
    /// # Errors
    /// As every call.
    pub fn stop(&mut self) -> Result<(), CallError> {
        self.done("stop", Call::Stop)
    }

    /// Says that the holder is about to start its program.
    ///
    /// # Errors
    /// As every call.
    pub fn launch(&mut self, call: LaunchCall) -> Result<(), CallError> {
        self.done("launch", Call::Launch(call))
    }

    /// Says that the holder has started its program.
    ///
    /// # Errors
    /// As every call.
    pub fn attach(&mut self, call: AttachCall) -> Result<(), CallError> {
        self.done("attach", Call::Attach(call))
    }

    pub(crate) fn done(&mut self, name: &str, call: Call) -> Result<(), CallError> {
        match self.call(call)? {
            Reply::Done => Ok(()),
            other => Err(unexpected(name, &other)),
        }
    }
}

fn unexpected(name: &str, reply: &Reply) -> CallError {
    CallError::Senseless { reason: format!("`{name}` was answered with `{}`", reply.kind()) }
}
