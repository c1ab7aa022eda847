//! The sorts of faults that a simulation draws from.

use std::{fmt, str::FromStr};

/// Which faults may befall a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults {
    /// krun is killed: before or after a record of the journal, within an effect, or after it.
    pub kill: bool,
    /// An effect fails, before or after it has happened.
    pub error: bool,
    /// Effects take their time, so that steps overtake each other.
    pub delay: bool,
    /// A process dies.
    pub death: bool,
    /// A server that web pages are on is away for a while.
    pub outage: bool,
    /// Ctrl-C.
    pub stop: bool,
    /// The power fails: krun, every process and the entries that were not durable are gone.
    pub power: bool,
    /// Between kruns somebody else changes files.
    pub outside: bool,
}

impl Faults {
    /// Every sort by its name.
    pub const NAMES: [&'static str; 8] = [
        "kill",
        "error",
        "delay",
        "death",
        "outage",
        "stop",
        "power",
        "outside-change",
    ];

    /// None.
    pub fn none() -> Self {
        Self {
            kill: false,
            error: false,
            delay: false,
            death: false,
            outage: false,
            stop: false,
            power: false,
            outside: false,
        }
    }

    /// All of them.
    pub fn all() -> Self {
        Self {
            kill: true,
            error: true,
            delay: true,
            death: true,
            outage: true,
            stop: true,
            power: true,
            outside: true,
        }
    }

    fn switch(&mut self, name: &str) -> Option<&mut bool> {
        Some(match name {
            "kill" => &mut self.kill,
            "error" => &mut self.error,
            "delay" => &mut self.delay,
            "death" => &mut self.death,
            "outage" => &mut self.outage,
            "stop" => &mut self.stop,
            "power" => &mut self.power,
            "outside-change" => &mut self.outside,
            _ => return None,
        })
    }
}

impl fmt::Display for Faults {
    /// As it is read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut copy = *self;
        let names = Self::NAMES.into_iter();
        let on: Vec<_> = names
            .filter(|name| copy.switch(name).is_some_and(|switch| *switch))
            .collect();
        f.write_str(&on.join(","))
    }
}

impl FromStr for Faults {
    type Err = String;

    /// Names with commas between them.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut faults = Self::none();
        for name in text.split(',').map(str::trim) {
            match faults.switch(name) {
                Some(switch) => *switch = true,
                None => {
                    return Err(format!("`{name}` is no fault: {}", Self::NAMES.join(", ")));
                }
            }
        }
        Ok(faults)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_name() {
        let all: Faults = Faults::NAMES.join(",").parse().unwrap();
        assert_eq!(all, Faults::all());
        assert_eq!(all.to_string(), Faults::NAMES.join(","));
        let few: Faults = "kill, delay".parse().unwrap();
        assert_eq!((few.kill, few.delay, few.error), (true, true, false));
        assert!("kill,plague".parse::<Faults>().is_err());
    }
}
