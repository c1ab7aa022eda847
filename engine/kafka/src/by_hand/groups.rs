//! Consumer groups, with the console tools.

use krun_model::{ByHand, HandCx};

use super::{
    data::{RECORDS, Reading, producer},
    tools::Tools,
};

/// How many records a step of the kind writes into the topic.
pub fn later(cx: &HandCx<'_>) -> String {
    cx.arg("later").unwrap_or_else(|| "10".to_owned())
}

pub fn groups(cx: &HandCx<'_>) -> ByHand {
    let by_hand = || {
        let tools = Tools::of(cx)?;
        let Reading { all, limit, .. } = Reading::of(cx)?;
        let (bootstrap, topic) = (cx.joined("bootstrap")?, cx.arg("topic")?);
        let name = cx.step.address.as_str().replace('/', "-");
        let (first, second, late) = (
            cx.text(&format!("{name}-first")),
            cx.text(&format!("{name}-second")),
            cx.text(&format!("{name}-late")),
        );
        let consumer = format!(
            "{} \\\n        --bootstrap-server {bootstrap} --topic {topic}",
            tools.script("kafka-console-consumer.sh")
        );
        let groups = format!(
            "{} \\\n    --bootstrap-server {bootstrap}",
            tools.script("kafka-consumer-groups.sh")
        );
        let from_the_beginning = format!(
            "for group in {first} {second}; do\n    \
             seen=$({consumer} --group \"$group\" --from-beginning \\\n        \
             --max-messages {all} --timeout-ms {limit} | wc -l)\n    \
             echo \"$group: $seen records\"\n    \
             test \"$seen\" -eq {all}\ndone"
        );
        let count = later(cx);
        let at_the_end = format!(
            "{groups} --group {late} --topic {topic} \\\n    --reset-offsets --to-latest --execute"
        );
        let what_comes_later = format!(
            "records {} {count} | {}\n\
             seen=$({consumer} --group {late} \\\n        \
             --max-messages {count} --timeout-ms {limit} | wc -l)\n\
             test \"$seen\" -eq {count}",
            cx.text(cx.step.address.as_str()),
            producer(cx, &tools, "all")?
        );
        let by_hand = ByHand::saying(
            "Each group reads the whole topic, whatever another one has read.",
            from_the_beginning,
        )
        .then(
            "Without `--from-beginning` a new group begins at the end of the topic. Its place is noted \
             before anything is written, so that it does not matter how fast the consumer starts.",
            at_the_end,
        )
        .then("It sees what is written from then on.", what_comes_later)
        .then(
            "The column LAG says how many records the first group has not seen.",
            format!("{groups} --describe --group {first}"),
        )
        .using(&[RECORDS]);
        Some(match tools.flags.deletes_groups {
            true => by_hand.undone_by(
                "",
                format!("{groups} --delete --group {first} --group {second} --group {late}"),
            ),
            false => by_hand,
        })
    };
    by_hand().unwrap_or_default()
}
