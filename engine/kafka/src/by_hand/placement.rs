//! Where replicas are and which of them leads, with the tools for them.

use krun_model::{ByHand, HandCx, Value, by_hand::ShellFunction};

use super::tools::Tools;

/// Moves the replicas of all topics onto some brokers.
const MOVE_REPLICAS: ShellFunction = ShellFunction {
    name: "move_replicas",
    say: "Lets the tool propose where the replicas of all topics go on some brokers, begins that, and asks \
          until all have arrived: then the tool also removes its throttle. What the tool proposes is not \
          the least that could be moved.",
    text: r#"move_replicas() { # TOOLS_BIN BOOTSTRAP BROKERS [MORE_FLAGS...]
    local bin=$1 bootstrap=$2 brokers=$3 folder
    shift 3
    folder=$(mktemp -d)
    "$bin/kafka-topics.sh" --bootstrap-server "$bootstrap" --list |
        sed 's/.*/{"topic":"&"}/' | paste -sd, | sed 's/.*/{"version":1,"topics":[&]}/' > "$folder/topics.json"
    "$bin/kafka-reassign-partitions.sh" --bootstrap-server "$bootstrap" --generate \
        --topics-to-move-json-file "$folder/topics.json" --broker-list "$brokers" |
        tail -n 1 > "$folder/moves.json"
    "$bin/kafka-reassign-partitions.sh" --bootstrap-server "$bootstrap" --execute \
        --reassignment-json-file "$folder/moves.json" "$@"
    while "$bin/kafka-reassign-partitions.sh" --bootstrap-server "$bootstrap" --verify \
        --reassignment-json-file "$folder/moves.json" | grep -q 'in progress'; do
        sleep 1
    done
    rm -r "$folder"
}"#,
};

pub fn reassign(cx: &HandCx<'_>) -> ByHand {
    let by_hand = || {
        let tools = Tools::of(cx)?;
        if !tools.flags.moves_replicas {
            return None;
        }
        let topics = tools.topics()?;
        let Some(Value::List(brokers)) = cx.step.args.get("brokers") else {
            return None;
        };
        let ids: Vec<_> = brokers
            .iter()
            .map(|id| match id {
                Value::Int(id) => Some(id.to_string()),
                _ => None,
            })
            .collect::<Option<_>>()?;
        let throttle = match cx.step.args.get("throttle") {
            Some(Value::Int(rate)) if *rate > 0 => format!(" --throttle {rate}"),
            _ => String::new(),
        };
        let moved = format!(
            "move_replicas {} {} {}{throttle}",
            tools.bin(),
            cx.joined("bootstrap")?,
            ids.join(",")
        );
        let look = ByHand::saying(
            "How many replicas each broker holds: the count, then the broker. One that is not in the list \
             holds nothing.",
            format!(
                "{topics} --describe |\n    sed -n 's/.*Replicas: \\([0-9,]*\\).*/\\1/p' | tr ',' '\\n' | sort -n | uniq -c"
            ),
        );
        Some(match cx.arg("spread")?.as_str() {
            "even" => look.then(
                "They are spread over all of these brokers.",
                moved,
            ),
            _ => look.then(
                "Only if another broker than these holds replicas, they are moved off.",
                format!(
                    "others=$({topics} --describe |\n    \
                     sed -n 's/.*Replicas: \\([0-9,]*\\).*/\\1/p' | tr ',' '\\n' | grep -vxE '{}' || true)\n\
                     if [ -n \"$others\" ]; then\n    {moved}\nfi",
                    ids.join("|")
                ),
            ),
        }
        .using(&[MOVE_REPLICAS]))
    };
    by_hand().unwrap_or_default()
}

pub fn elect_leaders(cx: &HandCx<'_>) -> ByHand {
    let by_hand = || {
        let tools = Tools::of(cx)?;
        if !tools.flags.elects_leaders {
            return None;
        }
        Some(ByHand::of(format!(
            "{} \\\n    --bootstrap-server {} --election-type preferred --all-topic-partitions",
            tools.script("kafka-leader-election.sh"),
            cx.joined("bootstrap")?
        )))
    };
    by_hand().unwrap_or_default()
}
