//! Downloads from a server that cuts, stalls and lies.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use krun_model::{
    Checksum, Fault, FaultCode,
    checksum::Algorithm,
    download::{Download, Downloaded, Look, Patience},
    host::Machine,
    kind::Progress,
};
use krun_tests::web::{Reply, Request, Web};

use crate::lab::Lab;

/// Bytes that look compressed and are the same each time; no two places hold the same.
fn archive(seed: u8) -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b];
    let mut state = u32::from(seed) + 1;
    bytes.extend((0..300_000).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    }));
    bytes
}

fn sum(bytes: &[u8]) -> Checksum {
    Checksum::of_reader(Algorithm::Sha512, bytes).unwrap()
}

#[derive(Default)]
struct Said(Mutex<Vec<String>>);

impl Progress for Said {
    fn say(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

impl Lab {
    fn wanted(&self, web: &Web, checksum: Option<Checksum>) -> Download {
        Download {
            url: web.url("/kafka.tgz"),
            to: self.path("cache/downloads/kafka.tgz"),
            checksum,
            look: Look::Gzip,
            limit: 10_000_000,
            patience: Patience {
                stall: Duration::from_millis(300),
                tries: 3,
                backoff: Duration::from_millis(10),
                limit: Duration::from_secs(60),
            },
        }
    }

    async fn download(&self, what: &Download) -> Result<Option<Downloaded>, Fault> {
        self.machine.download(what, &Said::default()).await
    }

    /// Gets a file that must be these bytes; says how many came over the network.
    async fn get(&self, what: &Download, bytes: &[u8]) -> u64 {
        let done = self.download(what).await.unwrap().unwrap();
        assert_eq!(done.checksum, sum(bytes));
        assert_eq!(std::fs::read(&what.to).unwrap(), bytes);
        assert_eq!(
            self.names("cache/downloads"),
            ["kafka.tgz", "kafka.tgz.lock"],
            "nothing else is left"
        );
        done.fetched
    }
}

fn serve(answering: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Web {
    Web::new(answering)
}

#[tokio::test]
async fn a_file_and_again_from_the_cache() {
    let (lab, bytes) = (Lab::new(), archive(1));
    let web = Web::of(bytes.clone());
    let what = lab.wanted(&web, Some(sum(&bytes)));
    assert_eq!(lab.get(&what, &bytes).await, bytes.len() as u64);
    assert_eq!(lab.get(&what, &bytes).await, 0);
    assert_eq!(web.requests().len(), 1);
    // A file in the cache that somebody altered is not used.
    std::fs::write(&what.to, "altered").unwrap();
    let again = lab.download(&what).await.unwrap().unwrap();
    assert_eq!(again.fetched, bytes.len() as u64);
    assert_eq!(std::fs::read(&what.to).unwrap(), bytes);
}

#[tokio::test]
async fn goes_on_after_cuts_and_stalls() {
    let (lab, bytes) = (Lab::new(), archive(2));
    let served = bytes.clone();
    let web = serve(move |request| {
        let reply = Reply::file(&served, "a", request);
        match request.number {
            0 => reply.cut(100_000),
            1 => reply.stall(50_000),
            2 => Reply::text("503 Service Unavailable", "later"),
            3 => Reply::text("500 Internal Server Error", "oops"),
            _ => reply,
        }
    });
    let what = lab.wanted(&web, None);
    assert_eq!(
        lab.get(&what, &bytes).await,
        bytes.len() as u64,
        "no byte twice"
    );
    let from: Vec<_> = web.requests().iter().map(|request| request.from).collect();
    let at = |n| Some(n);
    assert_eq!(
        from,
        [None, at(100_000), at(150_000), at(150_000), at(150_000)]
    );
    assert_eq!(web.requests()[1].if_range.as_deref(), Some("\"a\""));
}

#[tokio::test]
async fn starts_anew_where_ranges_mean_nothing() {
    let (lab, bytes) = (Lab::new(), archive(3));
    let served = bytes.clone();
    let web = serve(move |request| {
        let whole = Request {
            from: None,
            ..request.clone()
        };
        let reply = Reply::file(&served, "a", &whole);
        if request.number == 0 {
            reply.cut(100_000)
        } else {
            reply
        }
    });
    let fetched = lab.get(&lab.wanted(&web, None), &bytes).await;
    assert_eq!(fetched, bytes.len() as u64 + 100_000);
}

#[tokio::test]
async fn a_file_that_changes_in_between() {
    let (old, new) = (archive(4), archive(5));
    for honest in [true, false] {
        let lab = Lab::new();
        let (first, second) = (old.clone(), new.clone());
        let web = serve(move |request| {
            // A server that lies takes no notice of `If-Range`.
            let mut request = request.clone();
            if !honest {
                request.if_range = None;
            }
            match request.number {
                0 => Reply::file(&first, "old", &request).cut(100_000),
                _ => Reply::file(&second, "new", &request),
            }
        });
        lab.get(&lab.wanted(&web, None), &new).await;
        assert_eq!(web.requests().len(), if honest { 2 } else { 3 });
    }
}

#[tokio::test]
async fn parts_that_do_not_fit_are_got_anew_once() {
    // No tags at all, and another file from the second request on: only the sum can tell.
    let (lab, old, new) = (Lab::new(), archive(6), archive(7));
    let (first, second) = (old.clone(), new.clone());
    let web = serve(move |request| {
        let bytes = if request.number == 0 { &first } else { &second };
        let mut reply = Reply::file(bytes, "a", request);
        reply.headers.retain(|(name, _)| name != "ETag");
        if request.number == 0 {
            reply.cut(100_000)
        } else {
            reply
        }
    });
    let what = lab.wanted(&web, Some(sum(&new)));
    lab.get(&what, &new).await;
    assert_eq!(web.requests().len(), 3);
}

#[tokio::test]
async fn without_tags_and_sum_nothing_is_put_together() {
    let (lab, bytes) = (Lab::new(), archive(8));
    let served = bytes.clone();
    let web = serve(move |request| {
        let mut reply = Reply::file(&served, "a", request);
        reply.headers.retain(|(name, _)| name != "ETag");
        if request.number == 0 {
            reply.cut(100_000)
        } else {
            reply
        }
    });
    lab.get(&lab.wanted(&web, None), &bytes).await;
    assert_eq!(web.requests()[1].from, None);
}

#[tokio::test]
async fn the_wrong_content() {
    let (lab, bytes) = (Lab::new(), archive(9));
    let web = Web::of(bytes.clone());
    let what = lab.wanted(&web, Some(sum(b"another")));
    let fault = lab.download(&what).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::Download);
    assert_eq!(fault.evidence[0], format!("wanted {}", sum(b"another")));
    assert_eq!(fault.evidence[1], format!("found  {}", sum(&bytes)));
    assert_eq!(
        lab.names("cache/downloads"),
        ["kafka.tgz.bad", "kafka.tgz.lock"]
    );
    // The next attempt does not go on from the bad bytes.
    lab.download(&what).await.unwrap_err();
    assert!(web.requests().iter().all(|request| request.from.is_none()));
}

#[tokio::test]
async fn other_things_than_archives() {
    for (reply, why, evidence) in [
        (
            Reply::text("200 OK", "<!DOCTYPE html>\n<title>Choose a mirror</title>"),
            "the server sent an HTML page",
            "<title>Choose a mirror</title>",
        ),
        (
            Reply::text("200 OK", ""),
            "the server sent an empty file",
            "",
        ),
        (
            Reply::text("200 OK", "PK\x03\x04..."),
            "the server sent a zip archive",
            "",
        ),
        (
            Reply::text("403 Forbidden", ""),
            "the server answered 403 Forbidden",
            "",
        ),
    ] {
        let lab = Lab::new();
        let web = serve(move |_| reply.clone());
        let fault = lab.download(&lab.wanted(&web, None)).await.unwrap_err();
        assert_eq!(fault.code, FaultCode::Download, "{fault}");
        assert_eq!(fault.why.as_deref(), Some(why));
        assert!(
            evidence.is_empty() || fault.evidence.contains(&evidence.to_owned()),
            "{fault:?}"
        );
        assert_eq!(web.requests().len(), 1, "asking again won't help");
        assert!(!lab.path("cache/downloads/kafka.tgz").exists());
    }
}

#[tokio::test]
async fn what_is_not_there_and_what_never_comes() {
    let lab = Lab::new();
    let web = serve(|_| Reply::text("404 Not Found", "no"));
    assert_eq!(lab.download(&lab.wanted(&web, None)).await, Ok(None));

    for (reply, why) in [
        (
            Reply::text("503 Service Unavailable", ""),
            "the server answered 503 Service Unavailable, 3 times in a row",
        ),
        (
            Reply::text("200 OK", "x").stall(0),
            "nothing came for 0.3 s, 3 times in a row",
        ),
    ] {
        let web = serve(move |_| reply.clone());
        let fault = lab.download(&lab.wanted(&web, None)).await.unwrap_err();
        assert_eq!(fault.why.as_deref(), Some(why));
    }

    let gone = lab.wanted(&Web::of(vec![]), None);
    let fault = lab.download(&gone).await.unwrap_err();
    assert!(fault.why.unwrap().contains("refused"));
}

#[tokio::test]
async fn lengths_that_lie() {
    // More is announced than ever comes: the attempts end, and what came is kept for the next.
    let (lab, bytes) = (Lab::new(), archive(10));
    let served = bytes.clone();
    let web = serve(move |request| Reply {
        announced: Some(400_000),
        ..Reply::file(
            &served,
            "a",
            &Request {
                from: None,
                ..request.clone()
            },
        )
    });
    let mut what = lab.wanted(&web, None);
    what.patience.limit = Duration::from_millis(500);
    let fault = lab.download(&what).await.unwrap_err();
    assert!(
        matches!(fault.code, FaultCode::Timeout | FaultCode::Download),
        "{fault}"
    );
    assert!(!what.to.exists());

    // Larger than anything that is wanted: refused at once.
    let web = Web::of(bytes);
    let what = Download {
        limit: 1000,
        ..lab.wanted(&web, None)
    };
    let fault = lab.download(&what).await.unwrap_err();
    assert_eq!(fault.why.as_deref(), Some("it is larger than 1 kB"));
}

#[tokio::test]
async fn redirects_are_followed() {
    let (lab, bytes) = (Lab::new(), archive(11));
    let served = bytes.clone();
    let web = serve(move |request| match request.path.as_str() {
        "/kafka.tgz" => Reply::text("302 Found", "").header("Location", "/mirror/kafka.tgz"),
        _ => Reply::file(&served, "a", request),
    });
    lab.get(&lab.wanted(&web, Some(sum(&bytes))), &bytes).await;
    let web = serve(|_| Reply::text("302 Found", "").header("Location", "/kafka.tgz"));
    let what = Download {
        to: lab.path("cache/other.tgz"),
        ..lab.wanted(&web, None)
    };
    let fault = lab.download(&what).await.unwrap_err();
    assert_eq!(
        fault.why.as_deref(),
        Some("the server redirects in a circle")
    );
}

#[tokio::test]
async fn a_second_attempt_goes_on_from_another_mirror() {
    let (lab, bytes) = (Lab::new(), archive(12));
    let served = bytes.clone();
    let broken = serve(move |request| match request.number {
        0 => Reply::file(&served, "a", request).cut(200_000),
        _ => Reply::text("502 Bad Gateway", ""),
    });
    let sum = Some(sum(&bytes));
    lab.download(&lab.wanted(&broken, sum.clone()))
        .await
        .unwrap_err();
    let mirror = Web::of(bytes.clone());
    let what = lab.wanted(&mirror, sum);
    assert_eq!(lab.get(&what, &bytes).await, bytes.len() as u64 - 200_000);
}

#[tokio::test]
async fn two_at_once_fetch_it_once() {
    let (lab, bytes) = (Arc::new(Lab::new()), archive(13));
    let web = Web::of(bytes.clone());
    let what = lab.wanted(&web, Some(sum(&bytes)));
    let both = futures_of(&lab, &what).await;
    let fetched: Vec<_> = both
        .into_iter()
        .map(|done| done.unwrap().unwrap().fetched)
        .collect();
    assert_eq!(
        fetched.iter().sum::<u64>(),
        bytes.len() as u64,
        "{fetched:?}"
    );
    assert_eq!(web.requests().len(), 1);
}

async fn futures_of(lab: &Arc<Lab>, what: &Download) -> Vec<Result<Option<Downloaded>, Fault>> {
    let one = |_| {
        let (lab, what) = (lab.clone(), what.clone());
        tokio::spawn(async move { lab.download(&what).await })
    };
    let tasks: Vec<_> = (0..4).map(one).collect();
    let mut done = vec![];
    for task in tasks {
        done.push(task.await.unwrap());
    }
    done
}

#[tokio::test]
async fn offline_only_the_cache_counts() {
    let (lab, bytes) = (Lab::new(), archive(14));
    let web = Web::of(bytes.clone());
    let what = lab.wanted(&web, Some(sum(&bytes)));
    let offline = lab.machine.clone().offline(true);
    let fault = offline.download(&what, &Said::default()).await.unwrap_err();
    assert!(fault.hints[0].contains(what.to.as_str()), "{fault:?}");
    assert!(web.requests().is_empty());
    std::fs::write(&what.to, &bytes).unwrap();
    let done = offline.download(&what, &Said::default()).await.unwrap();
    assert_eq!(done.unwrap().fetched, 0);
}

#[tokio::test]
async fn a_stop_ends_it_at_once() {
    let (lab, bytes) = (Lab::new(), archive(15));
    let served = bytes.clone();
    let web = serve(move |request| Reply::file(&served, "a", request).stall(100_000));
    let mut what = lab.wanted(&web, None);
    what.patience.stall = Duration::from_secs(60);
    let began = Instant::now();
    let stop = async {
        while web.sent() < 100_000 {
            tokio::task::yield_now().await;
        }
        lab.cancel.send(true).unwrap();
    };
    let (done, ()) = tokio::join!(lab.download(&what), stop);
    assert_eq!(done.unwrap_err().code, FaultCode::Cancelled);
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn how_far_it_is_is_said() {
    let (lab, bytes) = (Lab::new(), archive(16));
    let web = Web::of(bytes);
    let said = Said::default();
    lab.machine
        .download(&lab.wanted(&web, None), &said)
        .await
        .unwrap();
    let said = said.0.into_inner().unwrap();
    assert!(
        said[0].contains(" of 300 kB, ") || said[0].contains(" of 301 kB, "),
        "{said:?}"
    );
}
