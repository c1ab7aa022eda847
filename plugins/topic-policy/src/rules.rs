//! The rules themselves: each gives a sentence's fragment for what is wrong, or nothing.

use schemars::JsonSchema;
use serde::Deserialize;

/// The longest name that Kafka takes, in characters: a log folder is named for it.
const KAFKA_MAX_LENGTH: usize = 249;

/// What is asked of every topic.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct Rules {
    /// What each name begins with; anything if not given.
    #[serde(default)]
    pub prefix: String,
    /// The longest name, in characters; 249 if not given, which is Kafka's own limit.
    pub max_length: Option<usize>,
    /// Whether names have no capitals; false if not given.
    #[serde(default)]
    pub lower_case: bool,
    /// The fewest partitions; 1 if not given.
    pub min_partitions: Option<u32>,
    /// The most partitions; any number if not given.
    pub max_partitions: Option<u32>,
}

/// How a topic is made, or is to be.
#[derive(Clone, Debug)]
pub struct Shape {
    pub partitions: u32,
    pub replication_factor: u32,
    /// None where it is not known.
    pub min_insync_replicas: Option<u32>,
}

impl Rules {
    /// What contradicts itself in the rules.
    pub fn contradiction(&self) -> Option<String> {
        let (min, max) = (self.min_partitions?, self.max_partitions?);
        (min > max).then(|| format!("min_partitions is {min}, and max_partitions is {max}"))
    }

    /// Everything that is wrong with a name.
    pub fn of_name(&self, name: &str) -> Vec<String> {
        let mut wrong = vec![];
        if name.is_empty() || name == "." || name == ".." {
            wrong.push("Kafka does not take it as a name".to_owned());
        }
        if let Some(odd) = name
            .chars()
            .find(|c| !c.is_ascii_alphanumeric() && !"._-".contains(*c))
        {
            wrong.push(format!(
                "{odd:?} is not among the characters of names: letters, digits, `.`, `_` and `-`"
            ));
        }
        if name.contains('.') && name.contains('_') {
            wrong.push(
                "it has both `.` and `_`, which are one character in the names of metrics"
                    .to_owned(),
            );
        }
        let (length, max) = (
            name.chars().count(),
            self.max_length.unwrap_or(KAFKA_MAX_LENGTH),
        );
        if length > max.min(KAFKA_MAX_LENGTH) {
            wrong.push(format!(
                "it has {length} characters, and {} are allowed",
                max.min(KAFKA_MAX_LENGTH)
            ));
        }
        if self.lower_case && name.chars().any(char::is_uppercase) {
            wrong.push("it has capitals".to_owned());
        }
        if !name.starts_with(&self.prefix) {
            wrong.push(format!("it does not begin with `{}`", self.prefix));
        }
        wrong
    }

    /// Everything that is wrong with how a topic is made.
    pub fn of_shape(&self, shape: &Shape) -> Vec<String> {
        let mut wrong = vec![];
        let (partitions, replicas) = (shape.partitions, shape.replication_factor);
        let min = self.min_partitions.unwrap_or(1).max(1);
        if partitions < min {
            wrong.push(format!(
                "it has {partitions} partitions, and at least {min} are wanted"
            ));
        }
        if let Some(max) = self.max_partitions.filter(|max| partitions > *max) {
            wrong.push(format!(
                "it has {partitions} partitions, and at most {max} are wanted"
            ));
        }
        if let Some(min) = shape.min_insync_replicas.filter(|min| replicas <= *min) {
            wrong.push(format!(
                "its replication factor {replicas} is not above min.insync.replicas {min}: with one \
                 broker down nothing can be written with acks=all"
            ));
        }
        wrong
    }
}

/// A topic whose metrics would have the same names, if there is one.
pub fn same_in_metrics<'a>(
    name: &str,
    others: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let flat = name.replace('.', "_");
    others
        .into_iter()
        .find(|other| *other != name && other.replace('.', "_") == flat)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules {
            prefix: "shop.".into(),
            max_length: Some(20),
            lower_case: true,
            min_partitions: Some(2),
            max_partitions: Some(12),
        }
    }

    #[test]
    fn names() {
        for (name, wrong) in [
            ("shop.orders", 0),
            ("shop.orders_v2", 1),
            ("orders", 1),
            ("shop.Orders", 1),
            ("shop.orders-of-the-last-years", 1),
            ("shop.orders!", 1),
            ("", 2),
        ] {
            assert_eq!(
                rules().of_name(name).len(),
                wrong,
                "{name}: {:?}",
                rules().of_name(name)
            );
        }
    }

    #[test]
    fn shapes() {
        for (partitions, replication_factor, min_insync_replicas, wrong) in [
            (6, 3, Some(2), 0),
            (6, 3, Some(3), 1),
            (6, 3, None, 0),
            (1, 3, Some(2), 1),
            (13, 1, Some(1), 2),
        ] {
            let shape = Shape {
                partitions,
                replication_factor,
                min_insync_replicas,
            };
            assert_eq!(rules().of_shape(&shape).len(), wrong, "{shape:?}");
        }
    }

    #[test]
    fn metrics() {
        assert_eq!(same_in_metrics("a.b", ["a.b", "a_b"]), Some("a_b"));
        assert_eq!(same_in_metrics("a.b", ["a.b", "ab"]), None);
    }
}
