//! Which steps take turns: those of a group that the runbook calls serial, and restarts of one
//! cluster.
//!
//! A lane is a group with a number of places. A step that may begin but finds no place waits in the
//! lane that has none, and is let in when a place is free. Knows steps by their index only; never
//! begins anything.

use std::collections::{HashMap, HashSet, VecDeque};

use krun_model::{Change, Plan, Runbook};
use krun_plan::Observed;

/// The lanes of a run.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    lanes: Vec<Lane>,
    /// Step → its lanes; most steps have none.
    of: HashMap<usize, Vec<usize>>,
    /// Step → the lanes that it keeps closed until it ended.
    closes: HashMap<usize, Vec<usize>>,
}

#[derive(Debug)]
struct Lane {
    places: usize,
    taken: usize,
    /// Steps that must have ended before anything is let in.
    first: HashSet<usize>,
    waiting: VecDeque<usize>,
}

impl Lane {
    fn new(places: usize) -> Self {
        Self {
            places,
            taken: 0,
            first: HashSet::new(),
            waiting: VecDeque::new(),
        }
    }

    fn has_room(&self) -> bool {
        self.taken < self.places && self.first.is_empty()
    }
}

impl Turns {
    /// The lanes of a plan. In a restart group what is down comes up before anything is taken down,
    /// unless it comes after what is to be taken down; and one is taken down at a time.
    pub fn of(runbook: &Runbook, plan: &Plan, observed: &Observed) -> Self {
        let mut turns = Self::default();
        let mut named: HashMap<(bool, &str), usize> = HashMap::new();
        let mut down: Vec<(usize, usize)> = Vec::new();
        for (at, step) in runbook.steps.iter().enumerate() {
            if let Some(serial) = &step.manner.serial {
                let lane = *named
                    .entry((false, serial.group.as_str()))
                    .or_insert_with(|| turns.add(serial.at_once));
                turns.of.entry(at).or_default().push(lane);
            }
            let declared = observed.declared.get(&step.address);
            let Some(group) = declared.and_then(|declared| declared.restart_group.as_deref())
            else {
                continue;
            };
            let change = plan.steps[at].change;
            if !matches!(change, Change::Create | Change::Restart) {
                continue;
            }
            let lane = *named.entry((true, group)).or_insert_with(|| turns.add(1));
            if change == Change::Restart {
                turns.of.entry(at).or_default().push(lane);
            } else {
                down.push((at, lane));
            }
        }
        turns.let_come_up_first(runbook, &down);
        turns
    }

    /// Keeps lanes closed for what is down, as far as nothing then waits for itself.
    fn let_come_up_first(&mut self, runbook: &Runbook, down: &[(usize, usize)]) {
        if down.is_empty() {
            return;
        }
        let steps = runbook.steps.iter().enumerate();
        let places: HashMap<_, _> = steps.map(|(at, step)| (&step.address, at)).collect();
        let mut waits_for: Vec<Vec<usize>> = runbook
            .steps
            .iter()
            .map(|step| {
                step.after
                    .iter()
                    .filter_map(|one| places.get(one).copied())
                    .collect()
            })
            .collect();
        for (step, lane) in down {
            let in_lane = |(_, lanes): &(&usize, &Vec<usize>)| lanes.contains(lane);
            let held: Vec<_> = self.of.iter().filter(in_lane).map(|(at, _)| *at).collect();
            if reaches(&waits_for, *step, &held) {
                continue;
            }
            held.iter().for_each(|at| waits_for[*at].push(*step));
            self.lanes[*lane].first.insert(*step);
            self.closes.entry(*step).or_default().push(*lane);
        }
    }

    fn add(&mut self, places: usize) -> usize {
        self.lanes.push(Lane::new(places));
        self.lanes.len() - 1
    }

    /// Whether a step may begin now: then its places are taken. If not, it is kept, and comes back
    /// from [`Turns::ended`].
    pub fn ask(&mut self, step: usize) -> bool {
        let Some(lanes) = self.of.get(&step) else {
            return true;
        };
        if let Some(full) = lanes.iter().find(|lane| !self.lanes[**lane].has_room()) {
            self.lanes[*full].waiting.push_back(step);
            return false;
        }
        for lane in lanes {
            self.lanes[*lane].taken += 1;
        }
        true
    }

    /// A step that had begun has ended; the steps that may begin now, their places taken.
    pub fn ended(&mut self, step: usize) -> Vec<usize> {
        let mut freed = Vec::new();
        for lane in self.of.get(&step).into_iter().flatten() {
            self.lanes[*lane].taken -= 1;
            freed.push(*lane);
        }
        for lane in self.closes.remove(&step).unwrap_or_default() {
            self.lanes[lane].first.remove(&step);
            freed.push(lane);
        }
        let mut let_in = Vec::new();
        for lane in freed {
            while self.lanes[lane].has_room() {
                // One that finds another of its lanes full waits there.
                let Some(next) = self.lanes[lane].waiting.pop_front() else {
                    break;
                };
                if self.ask(next) {
                    let_in.push(next);
                }
            }
        }
        let_in
    }
}

/// Whether a step waits for one of some others, directly or over steps in between.
fn reaches(waits_for: &[Vec<usize>], step: usize, others: &[usize]) -> bool {
    let (mut open, mut seen) = (vec![step], HashSet::new());
    while let Some(at) = open.pop() {
        if others.contains(&at) {
            return true;
        }
        if seen.insert(at) {
            open.extend(&waits_for[at]);
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(places: &[usize], of: &[(usize, &[usize])]) -> Turns {
        Turns {
            lanes: places.iter().map(|places| Lane::new(*places)).collect(),
            of: of
                .iter()
                .map(|(step, lanes)| (*step, lanes.to_vec()))
                .collect(),
            closes: HashMap::new(),
        }
    }

    #[test]
    fn nothing_waits_for_itself() {
        // 2 comes after 1, which comes after 0.
        let waits_for = [vec![], vec![0], vec![1]];
        assert!(reaches(&waits_for, 2, &[0]));
        assert!(!reaches(&waits_for, 0, &[1, 2]));
        assert!(!reaches(&[vec![1], vec![0], vec![]], 0, &[2]));
    }

    #[test]
    fn no_more_than_there_are_places() {
        let mut turns = turns(&[2], &[(0, &[0]), (1, &[0]), (2, &[0]), (3, &[0])]);
        let begun: Vec<_> = (0..5).filter(|step| turns.ask(*step)).collect();
        assert_eq!(begun, [0, 1, 4], "4 is in no lane");
        assert_eq!(turns.ended(4), [] as [usize; 0]);
        assert_eq!(turns.ended(1), [2]);
        assert_eq!(turns.ended(2), [3]);
    }

    #[test]
    fn whoever_waits_in_another_lane_lets_the_next_in() {
        let mut turns = turns(&[1, 1], &[(0, &[0]), (1, &[0, 1]), (2, &[0]), (3, &[1])]);
        assert!(turns.ask(0));
        assert!(!turns.ask(1) && !turns.ask(2));
        assert!(turns.ask(3));
        assert_eq!(turns.ended(0), [2], "1 waits for the lane of 3");
        assert_eq!(
            turns.ended(3),
            [] as [usize; 0],
            "1 waits for the lane of 2"
        );
        assert_eq!(turns.ended(2), [1]);
    }

    #[test]
    fn what_is_down_comes_up_first() {
        let mut turns = turns(&[1], &[(1, &[0]), (2, &[0])]);
        turns.lanes[0].first = HashSet::from([0, 5]);
        turns.closes = HashMap::from([(0, vec![0]), (5, vec![0])]);
        assert!(turns.ask(0) && turns.ask(5));
        assert!(!turns.ask(1) && !turns.ask(2));
        assert_eq!(turns.ended(0), [] as [usize; 0]);
        assert_eq!(turns.ended(5), [1]);
        assert_eq!(turns.ended(1), [2]);
    }
}
