//! Kafka's own protocol over a plain TCP connection, for the requests that librdkafka has no call for.
//!
//! Owns framing, versions and the way to the controller. One connection serves one request at a time.
//! It speaks plaintext listeners only, as all of krun's clients do.

use std::{collections::BTreeMap, time::Duration};

use bytes::{Bytes, BytesMut};
use kafka_protocol::{
    error::ResponseError,
    messages::{ApiVersionsRequest, RequestHeader, ResponseHeader},
    protocol::{Decodable, Encodable, HeaderVersion, Message, Request, StrBytes},
};
use krun_model::{Fault, FaultCode};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::connection::Connection;
use crate::view::ClusterView;

/// How long one answer may take. The controller answers after it wrote down what it was told.
const ANSWER: Duration = Duration::from_secs(30);
/// No answer of ours is longer: what claims to be is no Kafka.
const LONGEST: u32 = 64 << 20;

/// A connection to one broker.
pub struct Wire {
    stream: TcpStream,
    address: String,
    /// By request, the versions that the broker understands.
    versions: BTreeMap<i16, (i16, i16)>,
    asked: i32,
}

impl Wire {
    /// Connects to a broker and asks what it understands.
    ///
    /// # Errors
    /// [`FaultCode::Cluster`] where nothing answers there, or no Kafka does.
    pub async fn open(address: &str) -> Result<Self, Fault> {
        let connected = timeout(Duration::from_secs(5), TcpStream::connect(address)).await;
        let stream = connected
            .map_err(|_| broken(address, "it did not answer in time"))?
            .map_err(|error| broken(address, error))?;
        stream
            .set_nodelay(true)
            .map_err(|error| broken(address, error))?;
        let mut wire = Self {
            stream,
            address: address.to_owned(),
            versions: [(ApiVersionsRequest::KEY, (0, 0))].into(),
            asked: 0,
        };
        let known = wire.ask(&ApiVersionsRequest::default()).await?;
        wire.versions = known
            .api_keys
            .iter()
            .map(|api| (api.api_key, (api.min_version, api.max_version)))
            .collect();
        Ok(wire)
    }

    /// Connects to the controller of a cluster; while none is elected, to a broker.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn to_controller(connection: &Connection, view: &ClusterView) -> Result<Self, Fault> {
        let (_, controller) = connection.identity(ANSWER).await?;
        let broker = controller
            .and_then(|id| view.brokers.iter().find(|broker| broker.id == id))
            .or(view.brokers.first());
        let broker = broker
            .ok_or_else(|| broken(&connection.bootstrap().join(","), "it shows no broker"))?;
        Self::open(&format!("{}:{}", broker.host, broker.port)).await
    }

    /// `host:port` of the broker.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Whether the broker understands a request.
    pub fn knows<R: Request>(&self) -> bool {
        self.version::<R>().is_some()
    }

    /// The newest version of a request that both sides know.
    fn version<R: Request>(&self) -> Option<i16> {
        let (min, max) = *self.versions.get(&R::KEY)?;
        let newest = max.min(<R as Message>::VERSIONS.max);
        (newest >= min.max(<R as Message>::VERSIONS.min)).then_some(newest)
    }

    /// Sends a request and takes its answer. An error code in the answer is the caller's to judge.
    ///
    /// # Errors
    /// [`FaultCode::Cluster`] where the broker does not know the request, or the connection breaks.
    pub async fn ask<R: Request>(&mut self, request: &R) -> Result<R::Response, Fault> {
        let Some(version) = self.version::<R>() else {
            return Err(broken(&self.address, "it does not know this request")
                .hint("Brokers before 2.4 lack it."));
        };
        self.asked += 1;
        let frame = self.frame(request, version)?;
        let answer = timeout(ANSWER, async {
            self.stream.write_all(&frame).await?;
            let size = self.stream.read_u32().await?;
            if size > LONGEST {
                return Err(std::io::Error::other("the answer is no Kafka's"));
            }
            let mut body = vec![0; size as usize];
            self.stream.read_exact(&mut body).await?;
            Ok(body)
        })
        .await;
        let body = answer
            .map_err(|_| broken(&self.address, "it did not answer in time"))?
            .map_err(|error| broken(&self.address, error))?;
        self.read::<R>(Bytes::from(body), version)
    }

    fn frame<R: Request>(&self, request: &R, version: i16) -> Result<BytesMut, Fault> {
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.asked)
            .with_client_id(Some(StrBytes::from_static_str("krun")));
        let mut body = BytesMut::new();
        header
            .encode(&mut body, R::header_version(version))
            .and_then(|()| request.encode(&mut body, version))
            .map_err(|error| Fault::internal(format!("a request could not be written: {error}")))?;
        let size = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let mut frame = BytesMut::with_capacity(4 + body.len());
        frame.extend_from_slice(&size.to_be_bytes());
        frame.extend_from_slice(&body);
        Ok(frame)
    }

    fn read<R: Request>(&self, mut body: Bytes, version: i16) -> Result<R::Response, Fault> {
        let header = <R::Response as HeaderVersion>::header_version(version);
        let header = ResponseHeader::decode(&mut body, header)
            .map_err(|error| broken(&self.address, error))?;
        if header.correlation_id != self.asked {
            return Err(broken(&self.address, "it answered another question"));
        }
        R::Response::decode(&mut body, version).map_err(|error| broken(&self.address, error))
    }
}

fn broken(address: &str, why: impl std::fmt::Display) -> Fault {
    Fault::new(FaultCode::Cluster, "a broker could not be asked")
        .at(address)
        .because(why)
        .hint("See whether the brokers run and can be reached at these addresses: `krun status`.")
}

/// What an error code means, with what the broker said; none where all is well.
pub fn refusal(code: i16, message: Option<&StrBytes>) -> Option<String> {
    let error = ResponseError::try_from_code(code)?;
    Some(match message {
        Some(message) if !message.as_str().is_empty() => format!("{error:?}: {}", message.as_str()),
        _ => format!("{error:?}"),
    })
}

/// A text as the protocol wants it.
pub fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}
