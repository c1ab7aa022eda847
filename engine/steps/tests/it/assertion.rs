use krun_model::{Condition, FaultCode, Map, Outputs, Value, condition::Relation};
use serde_json::json;

use crate::lab::Lab;

/// `that`, as a step has it once the output in it is known.
fn ten_partitions(partitions: u64) -> serde_json::Value {
    let that = Value::Condition(Box::new(Condition::Compare {
        left: Value::Output {
            step: "topic".parse().unwrap(),
            name: "partitions".into(),
        },
        relation: Relation::Equal,
        right: Value::Int(10),
    }));
    let args = Map::from([
        ("that".to_owned(), that),
        ("message".to_owned(), "too few partitions".into()),
    ]);
    Value::Map(args)
        .resolve(&|_, _| Some(partitions.into()))
        .unwrap()
}

#[tokio::test]
async fn holds_or_says_what_was_found() {
    let lab = Lab::new();
    let proven = lab.prove("assert", &ten_partitions(10)).await;
    assert_eq!(proven, Ok(Outputs::new()));
    let fault = lab.prove("assert", &ten_partitions(3)).await.unwrap_err();
    assert_eq!(fault.code, FaultCode::ProofFailed);
    assert_eq!(fault.what, "too few partitions");
    let why = fault.why.unwrap();
    assert_eq!(why, "`topic.partitions == 10` does not hold");
    assert_eq!(fault.evidence, ["`partitions` of topic is 3"]);
}

#[tokio::test]
async fn what_is_known_is_a_bool() {
    let lab = Lab::new();
    let args = |that: bool| json!({"that": that, "message": "no"});
    assert!(lab.prove("assert", &args(true)).await.is_ok());
    assert!(lab.prove("assert", &args(false)).await.is_err());
}
