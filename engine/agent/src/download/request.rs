//! One request, on a thread of its own, so that nobody waits for a silent server longer than he wants.

use std::{
    io::{ErrorKind, Read as _},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
    time::Duration,
};

use ureq::{
    Agent,
    http::{HeaderMap, Response, header},
    tls::{RootCerts, TlsConfig},
};

use super::answer::{Answer, Range, Validator};

/// How many bytes are taken at a time.
const PIECE: usize = 64 * 1024;
/// How many pieces wait for whoever writes them.
const WAITING: usize = 16;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// The URL.
    pub url: String,
    /// The proxy it goes through.
    pub proxy: Option<String>,
    /// The first byte that is wanted; 0 for the whole.
    pub from: u64,
    /// The state of the file that these bytes must be of, else the whole is wanted.
    pub if_range: Option<String>,
    /// For how long nothing may come.
    pub stall: Duration,
}

/// What a request yields, in this order: an answer, pieces, an end.
#[derive(Debug)]
pub enum Said {
    /// The head of the answer.
    Answer(Answer),
    /// Bytes of the body.
    Piece(Vec<u8>),
    /// The body is at its end.
    End,
    /// It failed: why, and whether trying again may help.
    Broken(String, bool),
}

/// Sends a request. Dropping the receiver ends it at the next piece or after `stall`.
pub fn send(request: Request) -> Receiver<Said> {
    let (sender, receiver) = sync_channel(WAITING);
    thread::spawn(move || {
        if let Err(error) = serve(&request, &sender) {
            let again = may_pass(&error);
            let why = in_words(&error, request.stall);
            // Whoever asked may be gone.
            let _ = sender.send(Said::Broken(why, again));
        }
    });
    receiver
}

fn serve(request: &Request, sender: &SyncSender<Said>) -> Result<(), ureq::Error> {
    let mut response = call(request)?;
    if sender.send(Said::Answer(head(&response))).is_err() {
        return Ok(());
    }
    let mut body = response.body_mut().as_reader();
    let mut piece = vec![0; PIECE];
    loop {
        let said = match body.read(&mut piece).map_err(unwrapped)? {
            0 => Said::End,
            n => Said::Piece(piece[..n].to_vec()),
        };
        let last = matches!(said, Said::End);
        if sender.send(said).is_err() || last {
            return Ok(());
        }
    }
}

/// The client's own error, which it hides in an I/O error while a body is read.
fn unwrapped(error: std::io::Error) -> ureq::Error {
    match error.downcast::<ureq::Error>() {
        Ok(error) => error,
        Err(error) => ureq::Error::Io(error),
    }
}

fn call(request: &Request) -> Result<Response<ureq::Body>, ureq::Error> {
    let proxy = request.proxy.as_deref().map(ureq::Proxy::new).transpose()?;
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .proxy(proxy)
        .tls_config(tls)
        .timeout_resolve(Some(request.stall))
        .timeout_connect(Some(request.stall))
        .timeout_recv_response(Some(request.stall))
        .timeout_per_read(Some(request.stall))
        .timeout_per_write(Some(request.stall))
        .user_agent(concat!("krun/", env!("CARGO_PKG_VERSION")))
        .build();
    let mut call = Agent::new_with_config(config)
        .get(&request.url)
        .header(header::ACCEPT_ENCODING, "identity");
    if request.from > 0 {
        call = call.header(header::RANGE, format!("bytes={}-", request.from));
        if let Some(state) = &request.if_range {
            call = call.header(header::IF_RANGE, state);
        }
    }
    call.call()
}

fn head(response: &Response<ureq::Body>) -> Answer {
    let headers = response.headers();
    let status = response.status();
    Answer {
        status: status.as_u16(),
        reason: status.canonical_reason().unwrap_or_default().to_owned(),
        validator: Validator {
            etag: text(headers, header::ETAG),
            modified: text(headers, header::LAST_MODIFIED),
        },
        length: response.body().content_length(),
        range: text(headers, header::CONTENT_RANGE).and_then(|text| Range::parse(&text)),
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

/// Whether a failure may pass by itself. What the certificate, the URL or the settings are to blame
/// for stays as it is.
fn may_pass(error: &ureq::Error) -> bool {
    !matches!(
        error,
        ureq::Error::Http(_)
            | ureq::Error::BadUri(_)
            | ureq::Error::InvalidProxyUrl
            | ureq::Error::TooManyRedirects
            | ureq::Error::Tls(_)
            | ureq::Error::Rustls(_)
    ) && !matches!(error, ureq::Error::Io(error) if is_certificate(error))
}

/// Whether an I/O error is that of a TLS handshake.
fn is_certificate(error: &std::io::Error) -> bool {
    error.to_string().contains("certificate")
}

fn in_words(error: &ureq::Error, stall: Duration) -> String {
    match error {
        ureq::Error::Timeout(_) => format!("nothing came for {} s", stall.as_secs_f32()),
        ureq::Error::HostNotFound => "the host's name could not be resolved".to_owned(),
        ureq::Error::TooManyRedirects => "the server redirects in a circle".to_owned(),
        ureq::Error::Io(error) if error.kind() == ErrorKind::UnexpectedEof => {
            "the connection was cut".to_owned()
        }
        ureq::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}
