//! `http::shows`: a web page shows some texts.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use krun_model::{
    Address, ByHand, Fault, FaultCode, HandCx, Kind, Map, Outputs, StepKind, Value,
    kind::{CheckCx, Declared, KindSpec, ProofKind, UndoClass},
    schema::{ArgSpec, ArgType, OutputSpec},
};
use serde::Deserialize;
use tokio::time::Instant;

use crate::args;

static SPEC: KindSpec = KindSpec {
    name: "http::shows",
    doc: "Proves that a web page answers with status 200 and holds some texts, as seen from where \
          krun runs. Plain HTTP only; proxies of the environment are not used.",
    args: &[
        ArgSpec::required(
            "url",
            ArgType::Str,
            "where the page is, beginning with `http://`",
        ),
        ArgSpec::required(
            "texts",
            ArgType::List(&ArgType::Str),
            "texts that the page must hold",
        ),
        ArgSpec::optional(
            "timeout_s",
            ArgType::Int,
            "seconds within which the page must show them; 10 by default",
        ),
    ],
    outputs: &[OutputSpec::new(
        "status",
        "The status that the page answered with.",
    )],
    undo: UndoClass::Nothing,
    examples: &[include_str!("examples/http_shows.rhai")],
};

/// Seconds within which the page must show its texts.
const DEFAULT_TIMEOUT_S: u64 = 10;
/// For how long one request may take.
const ONE_REQUEST: Duration = Duration::from_secs(5);
/// The time between two requests.
const BETWEEN: Duration = Duration::from_millis(100);
/// How much of a page is read.
const LARGEST: u64 = 16 * 1024 * 1024;

#[derive(Deserialize)]
struct Args {
    url: String,
    texts: Vec<String>,
    timeout_s: Option<u64>,
}

struct Shows;

/// The kind.
pub fn kind() -> Kind {
    Kind::Proof(Arc::new(Shows))
}

impl StepKind for Shows {
    fn spec(&self) -> &KindSpec {
        &SPEC
    }

    fn declare(
        &self,
        step: &Address,
        _deployment: &str,
        args: &Map<Value>,
    ) -> Result<Declared, Fault> {
        if let Some(url) = args::text(args, "url") {
            refuse_url(url).map_err(|fault| fault.at(step))?;
        }
        if matches!(args.get("timeout_s"), Some(Value::Int(..=0))) {
            return Err(
                Fault::new(FaultCode::Script, "a time is not what it should be")
                    .at(step)
                    .because("`timeout_s` must be at least 1"),
            );
        }
        Ok(Declared::default())
    }

    fn by_hand(&self, cx: &HandCx<'_>) -> ByHand {
        crate::by_hand::http_shows(cx)
    }
}

#[async_trait]
impl ProofKind for Shows {
    async fn prove(&self, cx: &CheckCx<'_>) -> Result<Outputs, Fault> {
        let Args {
            url,
            texts,
            timeout_s,
        } = cx.step.args()?;
        refuse_url(&url).map_err(|fault| fault.at(cx.step.address))?;
        let limit = Duration::from_secs(timeout_s.unwrap_or(DEFAULT_TIMEOUT_S));
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let lack = match get(url.clone(), left.min(ONE_REQUEST)).await? {
                Ok(page) => match page.lack(&texts) {
                    None => return Ok(Outputs::from([("status".to_owned(), page.status.into())])),
                    Some(lack) => lack,
                },
                Err(why) => why,
            };
            if Instant::now() + BETWEEN >= deadline {
                return Err(Fault::new(
                    FaultCode::ProofFailed,
                    "a page does not show what it should",
                )
                .at(url)
                .because(lack)
                .hint(format!(
                    "It was asked again and again for {} s.",
                    limit.as_secs()
                )));
            }
            cx.progress.say(&lack);
            cx.host.pause(BETWEEN).await?;
        }
    }
}

/// An answer.
struct Page {
    status: u16,
    body: String,
}

impl Page {
    /// What the page lacks.
    fn lack(&self, texts: &[String]) -> Option<String> {
        if self.status != 200 {
            return Some(format!("it answers with status {}", self.status));
        }
        let missing: Vec<_> = texts
            .iter()
            .filter(|text| !self.body.contains(text.as_str()))
            .map(|text| format!("`{text}`"))
            .collect();
        (!missing.is_empty()).then(|| format!("it does not hold {}", missing.join(", ")))
    }
}

/// One request; the inner error is why there was no answer.
async fn get(url: String, limit: Duration) -> Result<Result<Page, String>, Fault> {
    let request = move || -> Result<Page, ureq::Error> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(limit))
            .http_status_as_error(false)
            .proxy(None)
            .build()
            .into();
        let mut answer = agent.get(&url).call()?;
        Ok(Page {
            status: answer.status().as_u16(),
            body: answer
                .body_mut()
                .with_config()
                .limit(LARGEST)
                .lossy_utf8(true)
                .read_to_string()?,
        })
    };
    match tokio::task::spawn_blocking(request).await {
        Ok(answer) => Ok(answer.map_err(|error| error.to_string())),
        Err(error) => Err(Fault::internal("a request was broken off").because(error)),
    }
}

fn refuse_url(url: &str) -> Result<(), Fault> {
    let fault = Fault::new(FaultCode::Script, "a page can't be asked for");
    if url.starts_with("https://") {
        return Err(fault
            .because(format!(
                "{url} needs TLS, which this build of krun does not have"
            ))
            .hint("Name the plain HTTP address of the page, beginning with `http://`."));
    }
    if !url.starts_with("http://") {
        return Err(fault.because(format!("`{url}` does not begin with `http://`")));
    }
    Ok(())
}
