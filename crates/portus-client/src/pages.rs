//! Listings that fill more than one page, whole.

use portus_core::{Port, PortRange};
use portus_proto::{
    Claim, Key, LISTENERS_PAGE_LEN, ListCall, Listener, ListingReply, PAGE_LEN_MAX, ScanCall, Scope, ScopeCall,
};

use crate::client::Client;
use crate::error::CallError;

impl Client {
    /// All leases of a scope, however many pages they fill: live ones, or the recent past.
    ///
    /// # Errors
    /// As every call.
    pub fn all_leases(&mut self, scope: Scope, ended: bool) -> Result<ListingReply, CallError> {
        let mut call = ListCall { scope, ended, after: None };
        let mut all = self.list(call.clone())?;
        let mut page_len = all.leases.len();
        while page_len >= PAGE_LEN_MAX {
            call.after = all.leases.last().map(|lease| lease.id);
            let page = self.list(call.clone())?.leases;
            page_len = page.len();
            all.leases.extend(page);
        }
        Ok(all)
    }

    /// All claims of a scope, however many pages they fill.
    ///
    /// # Errors
    /// As every call.
    pub fn all_claims(&mut self, scope: Scope) -> Result<Vec<Claim>, CallError> {
        let mut call = ScopeCall { scope, after: None };
        let mut all = self.claims(call.clone())?;
        let mut page_len = all.len();
        while page_len >= PAGE_LEN_MAX {
            call.after = all.last().map(|claim| Key {
                project: claim.project.clone(),
                worktree: claim.worktree.clone(),
                service: claim.service.clone(),
            });
            let page = self.claims(call.clone())?;
            page_len = page.len();
            all.extend(page);
        }
        Ok(all)
    }

    /// All listeners on the ports of a range, or of the machine, however many pages they fill.
    ///
    /// # Errors
    /// As every call.
    pub fn all_listeners(&mut self, range: Option<PortRange>) -> Result<Vec<Listener>, CallError> {
        let end = range.map_or(Port::MAX, PortRange::last);
        let mut all = self.scan(ScanCall { range })?;
        let mut page_len = all.len();
        while page_len >= LISTENERS_PAGE_LEN
            && let Some(next) = all.last().and_then(|last| last.port.checked_add(1))
            && let Ok(rest) = PortRange::new(next, end)
        {
            let page = self.scan(ScanCall { range: Some(rest) })?;
            page_len = page.len();
            all.extend(page);
        }
        Ok(all)
    }
}
