//! A small web server that does what a test tells it: serves, cuts, stalls, lies.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// What a client asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// How many requests came before it.
    pub number: usize,
    /// The path.
    pub path: String,
    /// The host and port that it was tunnelled to, where this server served as a proxy.
    pub tunnel: Option<String>,
    /// The first byte of a `Range`.
    pub from: Option<u64>,
    /// `If-Range`.
    pub if_range: Option<String>,
}

/// What the server does.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// The status line after `HTTP/1.1`.
    pub status: String,
    /// Headers, beside `Content-Length`.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The length that is announced, where it isn't the body's.
    pub announced: Option<u64>,
    /// After how many bytes of the body the connection is closed.
    pub cut: Option<usize>,
    /// After how many bytes of the body nothing more comes until the client goes away.
    pub stall: Option<usize>,
}

impl Reply {
    /// A status with a text.
    pub fn text(status: &str, text: &str) -> Self {
        Self {
            status: status.to_owned(),
            body: text.as_bytes().to_vec(),
            ..Self::default()
        }
    }

    /// A file in a state that a tag names, served as RFC 9110 says: a range where one is asked for and
    /// `If-Range` fits.
    pub fn file(bytes: &[u8], tag: &str, request: &Request) -> Self {
        let tag = format!("\"{tag}\"");
        let fits = request.if_range.as_ref().is_none_or(|state| *state == tag);
        let total = bytes.len();
        let mut headers = vec![
            ("ETag".to_owned(), tag),
            ("Accept-Ranges".to_owned(), "bytes".to_owned()),
        ];
        let (status, body) = match request.from {
            Some(from) if fits && from as usize >= total => {
                headers.push(("Content-Range".to_owned(), format!("bytes */{total}")));
                ("416 Range Not Satisfiable", vec![])
            }
            Some(from) if fits => {
                let range = format!("bytes {from}-{}/{total}", total - 1);
                headers.push(("Content-Range".to_owned(), range));
                ("206 Partial Content", bytes[from as usize..].to_vec())
            }
            _ => ("200 OK", bytes.to_vec()),
        };
        Self {
            status: status.to_owned(),
            headers,
            body,
            ..Self::default()
        }
    }

    /// The same, cut after some bytes of the body.
    #[must_use]
    pub fn cut(self, after: usize) -> Self {
        Self {
            cut: Some(after),
            ..self
        }
    }

    /// The same, silent after some bytes of the body.
    #[must_use]
    pub fn stall(self, after: usize) -> Self {
        Self {
            stall: Some(after),
            ..self
        }
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

type Answering = dyn Fn(&Request) -> Reply + Send + Sync;

/// A server on a port that the kernel chose; gone when it is dropped.
pub struct Web {
    address: std::net::SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    answering: Box<Answering>,
    requests: Mutex<Vec<Request>>,
    /// Bytes of bodies that were handed to the kernel.
    sent: AtomicU64,
    over: AtomicBool,
}

impl Web {
    /// A server that answers as told.
    pub fn new(answering: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            answering: Box::new(answering),
            requests: Mutex::default(),
            sent: AtomicU64::new(0),
            over: AtomicBool::new(false),
        });
        let serving = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if serving.over.load(Ordering::Relaxed) {
                    return;
                }
                let serving = serving.clone();
                // A client that goes away in the middle is a part of the tests.
                thread::spawn(move || serving.serve(stream).ok());
            }
        });
        Self { address, shared }
    }

    /// A server of one file, whatever the path.
    pub fn of(bytes: Vec<u8>) -> Self {
        Self::new(move |request| Reply::file(&bytes, "one", request))
    }

    /// The URL of a path such as `/a.tgz`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What was asked so far.
    pub fn requests(&self) -> Vec<Request> {
        let requests = self.shared.requests.lock();
        requests.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many bytes of bodies were sent so far.
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(&stream).lines();
        let mut first = lines.next().transpose()?.unwrap_or_default();
        let tunnel = first
            .strip_prefix("CONNECT ")
            .and_then(|rest| rest.split(' ').next());
        let tunnel = tunnel.map(str::to_owned);
        if tunnel.is_some() {
            while lines
                .next()
                .transpose()?
                .is_some_and(|line| !line.is_empty())
            {}
            (&stream).write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
            first = lines.next().transpose()?.unwrap_or_default();
        }
        let mut request = Request {
            number: 0,
            path: first.split(' ').nth(1).unwrap_or_default().to_owned(),
            tunnel,
            from: None,
            if_range: None,
        };
        for line in lines {
            let line = line?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            match name.to_ascii_lowercase().as_str() {
                "range" => {
                    let first = value.trim().strip_prefix("bytes=");
                    request.from = first.and_then(|range| range.split('-').next()?.parse().ok());
                }
                "if-range" => request.if_range = Some(value.trim().to_owned()),
                _ => {}
            }
        }
        {
            let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
            request.number = requests.len();
            requests.push(request.clone());
        }
        self.reply(&(self.answering)(&request), stream)
    }

    fn reply(&self, reply: &Reply, mut stream: TcpStream) -> std::io::Result<()> {
        let length = reply.announced.unwrap_or(reply.body.len() as u64);
        let mut head = format!(
            "HTTP/1.1 {}\r\nContent-Length: {length}\r\nConnection: close\r\n",
            reply.status
        );
        for (name, value) in &reply.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{head}\r\n").as_bytes())?;
        let end = reply.cut.or(reply.stall).unwrap_or(usize::MAX);
        for piece in reply.body[..end.min(reply.body.len())].chunks(16 * 1024) {
            stream.write_all(piece)?;
            self.sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
        if reply.stall.is_some() {
            stream.set_read_timeout(Some(Duration::from_secs(120)))?;
            let _ = stream.read(&mut [0; 1]);
        }
        Ok(())
    }
}
