use super::*;

fn granted(text: &str) -> Granted {
    text.parse().unwrap_or_else(|why| panic!("{text}: {why}"))
}

/// Whether a line grants what another line would grant on its one machine.
fn covers(line: &str, wanted: &str) -> bool {
    let wanted = granted(wanted);
    let On::Machine(machine) = &wanted.on else {
        panic!("nothing is wanted on all machines at once");
    };
    granted(line).covers(&wanted.grant, machine)
}

#[test]
fn covering() {
    for (line, wanted, yes) in [
        ("read:/etc/kafka", "read:/etc/kafka/server.properties", true),
        ("read:/etc/kafka", "read:/etc/kafka-secret", false),
        ("read:/etc/kafka", "write:/etc/kafka", false),
        ("write:/srv", "read:/srv/a", true),
        ("kafka:localhost:9092", "kafka:LOCALHOST:9092", true),
        ("kafka:localhost:9092", "kafka:localhost:9093", false),
        ("kafka:localhost:*", "kafka:localhost:9093", true),
        ("kafka:localhost:*", "change-kafka:localhost:9093", false),
        ("change-kafka:*:*", "kafka:b:1", true),
        ("http:a:80", "kafka:a:80", false),
        ("command:df -k *", "command:df -k /srv", true),
        ("command:df -k *", "command:df -k --output", false),
        ("command:df -k *", "command:df -k /srv /etc", false),
        ("command:df -k *", "command:/tmp/df -k /srv", false),
    ] {
        assert_eq!(covers(line, wanted), yes, "{line} {wanted}");
    }
}

/// What holds on one machine holds on no other, whatever is granted.
#[test]
fn covering_by_machine() {
    for what in [
        "/etc/kafka",
        "/srv",
        "df -k /srv",
        "health.example:80",
        "broker.example:9092",
    ] {
        let verbs: &[&str] = match what {
            "df -k /srv" => &["command"],
            what if what.starts_with('/') => &["read", "write"],
            _ => &["http", "kafka", "change-kafka"],
        };
        for verb in verbs {
            for (line, wanted, yes) in [
                ("", "", true),
                ("@local", "", true),
                ("", "@b-2.example", false),
                ("@b-2.example", "", false),
                ("@b-2.example", "@b-2.example", true),
                ("@B-2.Example", "@b-2.example", true),
                ("@b-2.example", "@b-2.example.org", false),
                ("@b-2.example", "@b-20.example", false),
                ("@*", "@b-2.example", true),
                ("@*", "", true),
            ] {
                let (line, wanted) = (
                    format!("{verb}{line}:{what}"),
                    format!("{verb}{wanted}:{what}"),
                );
                assert_eq!(covers(&line, &wanted), yes, "{line} {wanted}");
            }
        }
    }
}

#[test]
fn what_is_no_grant() {
    for text in [
        "read",
        "read:etc",
        "read:/a/../b",
        "run:x",
        "kafka:host",
        "kafka::1",
        "http:h:x",
        "command:",
        "command:* x",
        "http:http://h:80",
        "read@:/a",
        "read@b@c:/a",
        "read@b-*:/a",
        "read@-b:/a",
        "read@b c:/a",
        "read@::1:/a",
        "@b:/a",
        "run@b:x",
        "read@b:a",
        "read@*",
    ] {
        assert!(text.parse::<Granted>().is_err(), "{text}");
    }
}

/// Each has one writing, and that of the machine that krun runs on is that of before there were others.
#[test]
fn written_as_they_are_read() {
    for (text, written) in [
        ("read:/a", "read:/a"),
        (" read : /a/ ", "read:/a"),
        ("read@local:/a", "read:/a"),
        ("read@Local:/a", "read:/a"),
        ("command:df  -k *", "command:df -k *"),
        ("kafka:H:*", "kafka:h:*"),
        ("http:[::1]:80", "http:[::1]:80"),
        ("http@b-2.example:[::1]:80", "http@b-2.example:[::1]:80"),
        ("read@B_2:/a@b:c", "read@b_2:/a@b:c"),
        ("write @ * : /a", "write@*:/a"),
        ("command@*:df -k *", "command@*:df -k *"),
    ] {
        let line = granted(text);
        assert_eq!(line.to_string(), written, "{text}");
        assert_eq!(granted(written), line, "{text}");
    }
}

#[test]
fn in_words() {
    for (text, words) in [
        ("read:/a", "read /a"),
        ("write@b-2.example:/a", "change /a on b-2.example"),
        ("command@*:df -k *", "run `df -k *` on any machine"),
    ] {
        assert_eq!(granted(text).words(), words);
    }
}
