//! Named points at which a test kills the process. Compiled only with the feature `failpoints`.

/// Ends the process at once, as a power cut would, where `DIALTONE_FAILPOINT` names this point.
#[cfg(feature = "failpoints")]
pub(crate) fn reached(name: &str) {
    if std::env::var("DIALTONE_FAILPOINT").is_ok_and(|wanted| wanted == name) {
        std::process::abort();
    }
}

/// Nothing, in every program that is not a test's.
#[cfg(not(feature = "failpoints"))]
pub(crate) const fn reached(_name: &str) {}
