//! Real processes, looked at from outside.

use super::*;

#[test]
fn this_process_lives_and_is_in_its_own_lineage() {
    let own = own_identity().unwrap();
    assert!(is_alive(&own));
    assert!(!is_alive(&ProcessIdentity { birth: own.birth + 1, ..own }));
    assert!(lineage(own.pid).contains(&own));
    assert!(is_own_user(own.pid));
    assert_eq!(identity_of(0).unwrap(), None);
    assert_eq!(describe(own.pid).unwrap().identity, own);
}

#[cfg(unix)]
mod children;
