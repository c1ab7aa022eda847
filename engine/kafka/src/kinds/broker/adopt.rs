//! Taking over a broker that was started by hand.

use std::time::Duration;

use krun_model::{
    Fault, FaultCode,
    kind::{Adoption, CheckCx},
};

use super::args::Args;
use crate::{
    clusters::Clusters,
    process::{Foreign, Wanted, effective, wanted},
};

/// How long one question may take.
const ASK: Duration = Duration::from_secs(3);
/// Settings in which another value means another broker or other records.
const IDENTITY: &[&str] = &["broker.id", "node.id", "log.dirs", "log.dir"];

/// The broker that runs where this step's should.
pub async fn adopt(clusters: &dyn Clusters, cx: &CheckCx<'_>) -> Result<Adoption, Fault> {
    let args: Args = cx.step.args()?;
    let heap = args.heap()?;
    let server = args.server(&heap);
    let Wanted::Known(started) = wanted(cx.host, &cx.step, &server).await? else {
        return Ok(Adoption::Nothing);
    };
    let Some(foreign) = Foreign::at(cx.host, args.port, &started).await? else {
        return Ok(Adoption::Nothing);
    };
    foreign.must_share(&started.settings, IDENTITY)?;
    is_itself(clusters, cx, &args).await?;
    let outputs = args.outputs(&started, &heap);
    let found = foreign
        .found(cx.host, &server, cx.step.secrets, *started, outputs)
        .await?;
    Ok(Adoption::Process(Box::new(found)))
}

/// Whether the broker says that it is the one wanted, of the cluster that its log dirs belong to.
async fn is_itself(clusters: &dyn Clusters, cx: &CheckCx<'_>, args: &Args) -> Result<(), Fault> {
    let refused = |why: String| {
        Fault::new(FaultCode::Conflict, "this broker can't be adopted")
            .at(args.endpoint())
            .because(why)
    };
    let client = clusters.open(&[args.endpoint()])?;
    if !client.metadata(None, ASK).await?.has_broker(args.id) {
        return Err(refused(format!("its cluster has no broker {}", args.id)));
    }
    let (cluster, _) = client.identity(ASK).await?;
    for folder in &args.log_dirs {
        let meta = effective(cx.host, &folder.join("meta.properties"))
            .await?
            .unwrap_or_default();
        let id = meta.get("broker.id").or_else(|| meta.get("node.id"));
        if id != Some(&args.id.to_string()) {
            let said = id.map_or("no broker".to_owned(), |id| format!("broker {id}"));
            return Err(refused(format!("{folder} belongs to {said}")));
        }
        if let (Some(cluster), Some(found)) = (&cluster, meta.get("cluster.id"))
            && cluster != found
        {
            return Err(refused(format!(
                "{folder} belongs to cluster {found}, and it is one of cluster {cluster}"
            )));
        }
    }
    Ok(())
}
