//! Pages by https: whose certificate this machine trusts is asked, and nobody else.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, ChildStdout, Command, Stdio},
};

use krun_tests::lab::{Done, Lab};

/// What openssl's server says of a connection; it is on its page.
const SHOWN: &str = "Protocol  : TLSv1.3";

/// A server with a certificate for `localhost` of an authority of its own. It ends with the test.
struct Server {
    process: Child,
    /// Open as long as it runs: it says something of each connection.
    _said: BufReader<ChildStdout>,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// openssl in a lab's folder.
fn openssl(lab: &Lab, words: &str) -> Command {
    let mut command = lab.program("openssl".as_ref());
    command.args(words.split(' '));
    command
}

impl Server {
    fn new(lab: &Lab) -> Self {
        let new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
        let authority = "-subj /CN=authority -keyout ca.key -out ca.pem";
        let own = "-subj /CN=server -CA ca.pem -CAkey ca.key -keyout own.key -out own.pem \
                   -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE";
        for certificate in [authority, own] {
            Done::of(openssl(lab, &format!("{new} {certificate}"))).expect(0);
        }
        let serve = "s_server -www -accept 127.0.0.1:0 -cert own.pem -key own.key";
        let mut process = openssl(lab, serve)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl starts");
        let mut said = BufReader::new(process.stdout.take().expect("its output"));
        let lines = said.by_ref().lines().map_while(Result::ok);
        let port = lines.into_iter().find_map(|line| {
            let address = line.strip_prefix("ACCEPT ")?;
            address.rsplit(':').next()?.parse().ok()
        });
        Self {
            process,
            _said: said,
            port: port.expect("the port that it listens on"),
        }
    }
}

#[test]
fn a_page_whose_certificate_is_trusted() {
    let lab = Lab::default();
    let server = Server::new(&lab);
    let runs = |host: &str, trusted: Option<&str>| {
        let page = format!(
            "runbook(#{{ name: \"https\", version: \"1\", summary: \"s\" }});\n\
             http::shows(\"page\", #{{ url: \"https://{host}:{}/\", texts: [\"{SHOWN}\"], timeout_s: 1 }});\n",
            server.port
        );
        lab.write("https.rhai", &page);
        let mut run = lab.krun(&["run", "https.rhai", "--prove"]);
        run.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
        run.envs(trusted.map(|file| ("SSL_CERT_FILE", lab.path(file))));
        Done::of(run)
    };
    runs("localhost", Some("ca.pem")).expect(0);
    let said = runs("localhost", None).expect(1).err();
    assert!(said.contains("UnknownIssuer"), "{said}");
    let said = runs("127.0.0.1", Some("ca.pem")).expect(1).err();
    assert!(said.contains("not valid for name"), "{said}");
}
