use super::*;

fn said(code: Wit, what: &str) -> types::Fault {
    let fault = Handed::default().over(Fault::new(FaultCode::Script, what));
    types::Fault { code, ..fault }
}

/// Whatever the host says, a plugin that gives it on gives on the same: exit code and retries depend on it.
#[test]
fn what_is_given_on_is_what_it_was() {
    for code in FaultCode::ALL {
        let mut handed = Handed::default();
        let fault = Fault::new(*code, format!("it went {code:?}\u{7}"))
            .at("somewhere")
            .because("of something")
            .hint("Do this.")
            .evidence(["a line".into()]);
        let seen = handed.over(fault.clone());
        let back = handed.heard(seen);
        let shown = Fault {
            what: clean(&fault.what),
            ..fault
        };
        assert_eq!(back, shown);
    }
}

#[test]
fn what_only_the_host_says_is_not_believed_of_a_guest() {
    let mut handed = Handed::default();
    for code in [Wit::NotGranted, Wit::Cancelled, Wit::Other] {
        assert_eq!(handed.heard(said(code, "no")).code, FaultCode::Plugin);
    }
    handed.over(Fault::new(FaultCode::InDoubt, "who knows"));
    handed.over(Fault::new(FaultCode::NotGranted, "it may not"));
    let code = |code, what: &str| handed.heard(said(code, what)).code;
    // In its own words it may say that something was not granted, but not that something is in doubt.
    assert_eq!(code(Wit::NotGranted, "mine"), FaultCode::NotGranted);
    assert_eq!(code(Wit::Other, "who knows"), FaultCode::InDoubt);
    assert_eq!(code(Wit::Other, "I do not"), FaultCode::Plugin);
    assert_eq!(code(Wit::Other, "it may not"), FaultCode::Plugin);
    assert_eq!(code(Wit::Cancelled, "stopped"), FaultCode::Plugin);
    handed.stop();
    let stopped = handed.heard(said(Wit::Cancelled, "stopped"));
    assert_eq!(stopped.code, FaultCode::Cancelled);
}

#[test]
fn many_faults_take_little_room() {
    let mut handed = Handed::default();
    for at in 0..3 * MAX_HANDED {
        handed.over(Fault::new(FaultCode::State, format!("{at}")));
    }
    assert_eq!(handed.0.len(), MAX_HANDED);
    let last = (3 * MAX_HANDED - 1).to_string();
    assert_eq!(handed.heard(said(Wit::Other, &last)).code, FaultCode::State);
    assert_eq!(handed.heard(said(Wit::Other, "0")).code, FaultCode::Plugin);
}
