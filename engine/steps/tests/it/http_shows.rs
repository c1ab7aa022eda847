use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
};

use krun_model::FaultCode;
use serde_json::json;

use crate::lab::Lab;

/// A server that gives these answers one after the other, and the last of them ever after.
fn serve(answers: &'static [(u16, &'static str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/ui", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut answers = answers.iter();
        let mut last = None;
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            last = answers.next().or(last);
            let (status, body) = last.unwrap();
            let length = body.len();
            let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n");
            write!(stream, "{head}Connection: close\r\n\r\n{body}").unwrap();
        }
    });
    url
}

#[tokio::test]
async fn waits_until_it_shows() {
    let lab = Lab::new();
    let url = serve(&[(503, "starting"), (200, "topic a"), (200, "topics a and b")]);
    let args = json!({ "url": url, "texts": ["a", "and b"], "timeout_s": 30 });
    let outputs = lab.prove("http::shows", &args).await.unwrap();
    assert_eq!(outputs["status"], 200);
}

#[tokio::test]
async fn names_what_is_missing() {
    let lab = Lab::new();
    let url = serve(&[(200, "topic a")]);
    let args = json!({ "url": url, "texts": ["a", "x", "y"], "timeout_s": 1 });
    let fault = lab.prove("http::shows", &args).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::ProofFailed);
    assert_eq!(fault.why.as_deref(), Some("it does not hold `x`, `y`"));
    let url = serve(&[(404, "a")]);
    let args = json!({ "url": url, "texts": ["a"], "timeout_s": 1 });
    let fault = lab.prove("http::shows", &args).await.unwrap_err();
    assert_eq!(fault.why.as_deref(), Some("it answers with status 404"));
}

#[tokio::test]
async fn nobody_listens() {
    let lab = Lab::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let args = json!({ "url": url, "texts": [], "timeout_s": 1 });
    let fault = lab.prove("http::shows", &args).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::ProofFailed);
    assert!(fault.why.unwrap().contains("refused"));
}

#[test]
fn refuses_what_it_cannot_ask() {
    let lab = Lab::new();
    for url in ["ftp://x", "localhost:8080", "HTTP//x"] {
        let fault = lab.declare("http::shows", json!({ "url": url, "texts": [] }));
        assert_eq!(fault.unwrap_err().code, FaultCode::Script, "{url}");
    }
}
