//! How much memory new processes can have.

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::Fault;

/// Where control groups are mounted.
const GROUPS: &str = "/sys/fs/cgroup";

/// Bytes that new processes can have: what the machine has to spare, or what the control groups
/// around this process leave if that is less.
pub fn free_memory() -> Result<u64, Fault> {
    let path = "/proc/meminfo";
    let text = std::fs::read_to_string(path)
        .map_err(|error| Fault::io("could not ask for free memory", path, &error))?;
    let available = available(&text)
        .ok_or_else(|| Fault::internal("/proc/meminfo does not say how much is available"))?;
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    Ok(left_by_groups(Utf8Path::new(GROUPS), &groups)
        .into_iter()
        .fold(available, u64::min))
}

/// `MemAvailable` in bytes.
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// What each control group above a process leaves it, version 2 and version 1 alike.
fn left_by_groups(mounted: &Utf8Path, groups: &str) -> Vec<u64> {
    let mut left = vec![];
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else {
            continue;
        };
        let (root, names) = if controllers.is_empty() {
            (mounted.to_owned(), &V2)
        } else if controllers.split(',').any(|name| name == "memory") {
            (mounted.join("memory"), &V1)
        } else {
            continue;
        };
        let group = root.join(path.trim_start_matches('/'));
        // In a container the path may name a group that is not to be seen from within; the mount
        // then shows the container's own group at its root, which is among the ancestors.
        left.extend(
            group
                .ancestors()
                .take_while(|folder| folder.starts_with(&root))
                .filter_map(|folder| names.left(folder)),
        );
    }
    left
}

/// What the files of a version of control groups are called.
struct Names {
    limit: &'static str,
    usage: &'static str,
    reclaimable: &'static str,
}

const V2: Names = Names {
    limit: "memory.max",
    usage: "memory.current",
    reclaimable: "inactive_file ",
};
const V1: Names = Names {
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    reclaimable: "total_inactive_file ",
};

impl Names {
    /// What one group leaves; none where it has no limit, which version 2 says as `max` and version
    /// 1 as a number beyond any machine.
    fn left(&self, group: &Utf8Path) -> Option<u64> {
        let number = |path: Utf8PathBuf| -> Option<u64> {
            std::fs::read_to_string(path).ok()?.trim().parse().ok()
        };
        let limit = number(group.join(self.limit)).filter(|limit| *limit < 1 << 60)?;
        let usage = number(group.join(self.usage))?;
        // Pages of files that nobody used of late count as used, but are given up when needed.
        let reclaimable = std::fs::read_to_string(group.join("memory.stat"))
            .ok()
            .and_then(|text| {
                text.lines()
                    .find_map(|line| line.strip_prefix(self.reclaimable)?.trim().parse().ok())
            })
            .unwrap_or(0);
        Some(limit.saturating_sub(usage.saturating_sub(reclaimable)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machine() {
        let text = "MemTotal:  100 kB\nMemFree: 1 kB\nMemAvailable:    42 kB\n";
        assert_eq!(available(text), Some(42 * 1024));
        assert_eq!(available("MemTotal: 1 kB\n"), None);
        assert!(free_memory().unwrap() > 0);
    }

    #[test]
    fn groups() {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(dir.path()).unwrap();
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("a/memory.max", "1000\n");
        write("a/memory.current", "700\n");
        write("a/memory.stat", "anon 5\ninactive_file 200\n");
        write("a/b/memory.max", "max\n");
        write("a/b/memory.current", "700\n");
        write("memory/c/memory.limit_in_bytes", "900\n");
        write("memory/c/memory.usage_in_bytes", "1000\n");
        write("memory/memory.limit_in_bytes", "9223372036854771712\n");
        write("memory/memory.usage_in_bytes", "1000\n");
        assert_eq!(left_by_groups(root, "0::/a/b\n"), [500]);
        assert_eq!(left_by_groups(root, "5:cpu,memory:/c\n3:cpu:/x\n"), [0]);
        assert_eq!(left_by_groups(root, "0::/\nnonsense\n"), [0; 0]);
    }
}
