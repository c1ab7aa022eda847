//! `http::shows`: a web page shows some texts.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use krun_model::{
    Address, ByHand, Fault, FaultCode, HandCx, HttpAnswer, HttpQuestion, Kind, Map, Outputs,
    StepKind, Value,
    kind::{CheckCx, Declared, KindSpec, ProofKind, UndoClass},
    schema::{ArgSpec, ArgType, OutputSpec},
};
use serde::Deserialize;
use tokio::time::Instant;

use crate::args;

static SPEC: KindSpec = KindSpec {
    name: "http::shows",
    doc: "Proves that a web page answers with status 200 and holds some texts, as seen from where \
          krun runs. An https page needs a certificate that this machine trusts (`SSL_CERT_FILE` names \
          others); proxies of the environment are not used.",
    args: &[
        ArgSpec::required(
            "url",
            ArgType::Str,
            "where the page is, beginning with `http://` or `https://`",
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
/// How often the page may lead on to another.
const REDIRECTS: u32 = 10;

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
            let question = question(&url, left.min(ONE_REQUEST));
            let lack = match cx.host.http_get(&question).await {
                Ok(page) => match lack(&page, &texts) {
                    None => return Ok(Outputs::from([("status".to_owned(), page.status.into())])),
                    Some(lack) => lack,
                },
                Err(fault) => match HttpQuestion::why_unanswered(&fault) {
                    Some(why) => why.to_owned(),
                    None => return Err(fault),
                },
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

/// One request.
fn question(url: &str, limit: Duration) -> HttpQuestion {
    HttpQuestion {
        url: url.to_owned(),
        headers: vec![],
        limit,
        largest: LARGEST,
        redirects: REDIRECTS,
        // Who writes a runbook may ask what this user may.
        may_be_near: true,
    }
}

/// What a page lacks.
fn lack(page: &HttpAnswer, texts: &[String]) -> Option<String> {
    if page.status != 200 {
        return Some(format!("it answers with status {}", page.status));
    }
    let body = String::from_utf8_lossy(&page.body);
    let missing: Vec<_> = texts
        .iter()
        .filter(|text| !body.contains(text.as_str()))
        .map(|text| format!("`{text}`"))
        .collect();
    (!missing.is_empty()).then(|| format!("it does not hold {}", missing.join(", ")))
}

fn refuse_url(url: &str) -> Result<(), Fault> {
    match ["http://", "https://"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
    {
        true => Ok(()),
        false => Err(
            Fault::new(FaultCode::Script, "a page can't be asked for").because(format!(
                "`{url}` begins with neither `http://` nor `https://`"
            )),
        ),
    }
}
