//! Web pages: what a GET brings, and what it says where it brings nothing, which a simulated machine
//! (krun-simulate, `pages.rs`) says in the same words.

use std::{net::TcpListener, time::Duration};

use krun_model::{FaultCode, HttpQuestion, ReadHost as _};
use krun_tests::web::{Reply, Web};

use crate::lab::Lab;

fn question(url: &str) -> HttpQuestion {
    HttpQuestion {
        url: url.to_owned(),
        headers: vec![],
        limit: Duration::from_secs(20),
        largest: 1000,
        redirects: 0,
        may_be_near: true,
    }
}

#[tokio::test]
async fn an_answer_of_any_status() {
    let web = Web::new(|request| match request.path.as_str() {
        "/up" => Reply::text("200 OK", "UP").header("X-Who", "me"),
        _ => Reply::text("503 Service Unavailable", "soon"),
    });
    let lab = Lab::new();
    let up = lab
        .machine
        .http_get(&question(&web.url("/up")))
        .await
        .unwrap();
    assert_eq!((up.status, up.body.as_slice()), (200, &b"UP"[..]));
    assert!(
        up.headers.contains(&("x-who".into(), "me".into())),
        "{up:?}"
    );
    let down = lab
        .machine
        .http_get(&question(&web.url("/")))
        .await
        .unwrap();
    assert_eq!((down.status, down.body.as_slice()), (503, &b"soon"[..]));
}

#[tokio::test]
async fn led_on_as_often_as_is_allowed() {
    let web = Web::new(|request| match request.path.as_str() {
        "/old" => Reply::text("301 Moved Permanently", "moved").header("Location", "/new"),
        "/round" => Reply::text("302 Found", "").header("Location", "/round"),
        _ => Reply::text("200 OK", "here"),
    });
    let lab = Lab::new();
    let mut old = question(&web.url("/old"));
    let answer = lab.machine.http_get(&old).await.unwrap();
    assert_eq!(
        (answer.status, answer.body.as_slice()),
        (301, &b"moved"[..])
    );
    old.redirects = 1;
    let answer = lab.machine.http_get(&old).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"here"[..]));
    let round = HttpQuestion {
        redirects: 3,
        ..question(&web.url("/round"))
    };
    let fault = lab.machine.http_get(&round).await.unwrap_err();
    assert_eq!(fault.why.as_deref(), Some("too many redirects"));
}

#[tokio::test]
async fn no_more_than_the_largest_is_read() {
    // It announces a terabyte and sends more than is wanted.
    let web = Web::new(|_| Reply {
        announced: Some(1 << 40),
        ..Reply::text("200 OK", &"x".repeat(1 << 20))
    });
    let lab = Lab::new();
    let fault = lab
        .machine
        .http_get(&question(&web.url("/")))
        .await
        .unwrap_err();
    assert_eq!(fault.code, FaultCode::Download);
    let why = "the response body is larger than request limit: 1000";
    assert_eq!(fault.why.as_deref(), Some(why));
}

#[tokio::test]
async fn nobody_answers() {
    let lab = Lab::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let mut silent = question(&url);
    silent.limit = Duration::from_millis(200);
    let fault = lab.machine.http_get(&silent).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::Timeout);
    assert_eq!(fault.why.as_deref(), Some("timeout: global"));
    drop(listener);
    let fault = lab.machine.http_get(&question(&url)).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::Download);
    assert_eq!(fault.what, "there was no answer");
    assert_eq!(fault.place, Some(url));
    let why = "io: Connection refused (os error 111)";
    assert_eq!(fault.why.as_deref(), Some(why));
}

#[tokio::test]
async fn a_run_that_is_stopped_waits_for_no_answer() {
    let lab = Lab::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = question(&format!("http://{}/", listener.local_addr().unwrap()));
    let machine = lab.machine.clone();
    let asked = tokio::spawn(async move { machine.http_get(&silent).await });
    let accepted = tokio::task::spawn_blocking(move || listener.accept().unwrap());
    // It waits for an answer, and the server says nothing before it is dropped.
    let server = accepted.await.unwrap();
    lab.cancel.send_replace(true);
    let fault = asked.await.unwrap().unwrap_err();
    assert_eq!(fault.code, FaultCode::Cancelled);
    drop(server);
}
