//! Who listens.

use krun_model::ReadHost;

use crate::lab::Lab;

#[tokio::test]
async fn names_the_listener() {
    let lab = Lab::new();
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let Ok(listener) = std::net::TcpListener::bind(address) else {
            continue;
        };
        let port = listener.local_addr().unwrap().port();
        let holder = lab.machine.port_holder(port).await.unwrap().unwrap();
        assert_eq!(holder.process.unwrap().pid, std::process::id());
        assert_eq!(holder.id, None);
        drop(listener);
        assert_eq!(lab.machine.port_holder(port).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_connection_is_no_listener() {
    let lab = Lab::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let port = client.local_addr().unwrap().port();
    assert_eq!(lab.machine.port_holder(port).await.unwrap(), None);
}
