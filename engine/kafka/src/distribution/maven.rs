//! The jars of a distribution, through `mvn`.
//!
//! `mvn` honours a company's mirrors and proxies (`~/.m2/settings.xml`), keeps what it has downloaded
//! and goes on from there. The jars are gathered in a folder with a name of its own and renamed into
//! place as a whole, so that a folder in the cache is always complete, whoever was killed.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use krun_model::{Digest, Fault, FaultCode, Map, ReadHost, WriteHost};

use crate::versions::Product;

/// How long a download may take.
const LIMIT: Duration = Duration::from_secs(30 * 60);
/// The file that lists the jars of a complete folder: a size and a name a line.
pub const COMPLETE: &str = ".complete";

/// What makes the folder. Its arguments: work folder, final folder, text of the pom, and `-o` where
/// nothing may be downloaded.
///
/// Where there is `flock`, the second of two concurrent runs waits and finds the work done; elsewhere
/// both do it and the first to rename wins. A work folder that a killed run left behind goes after a
/// day.
const SCRIPT: &str = r#"set -u
work=$1 final=$2 pom=$3 offline=$4
mkdir -p "$(dirname "$final")" || exit 1
exec 9> "$final.lock" || exit 1
if command -v flock > /dev/null; then flock 9; fi
if [ -f "$final/libs/.complete" ]; then exit 0; fi
find "$(dirname "$final")" -maxdepth 1 -name '*.work-*' -mmin +1440 -exec rm -rf {} +
mkdir "$work" && printf '%s\n' "$pom" > "$work/pom.xml" && cd "$work" || exit 1
mvn -B $offline -Dstyle.color=never dependency:copy-dependencies "-DoutputDirectory=$work/libs" || exit $?
cd "$work/libs" && wc -c ./*.jar | sed -n 's/^ *\([0-9]*\) \.\/\(.*\.jar\)$/\1 \2/p' > .complete || exit 1
sync -f .complete 2> /dev/null
if mv -T "$work" "$final" 2> /dev/null; then exit 0; fi
[ -f "$final/libs/.complete" ] && rm -rf "$work"
"#;

/// The project whose dependencies are the distribution.
pub fn pom(product: &Product) -> String {
    let jars = &product.jars;
    let all = jars.with_dependencies.iter().map(|jar| (jar, ""));
    let alone = jars.alone.iter().map(|jar| (jar, NOTHING_ELSE));
    let dependencies: String = all
        .chain(alone)
        .map(|(coordinate, exclusions)| {
            let mut parts = coordinate.split(':');
            let mut part = || parts.next().unwrap_or_default();
            format!(
                "    <dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version>{exclusions}</dependency>\n",
                part(),
                part(),
                part()
            )
        })
        .collect();
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n  \
         <modelVersion>4.0.0</modelVersion>\n  \
         <groupId>krun</groupId>\n  <artifactId>{}-{}</artifactId>\n  <version>1</version>\n  \
         <packaging>pom</packaging>\n  <dependencies>\n{dependencies}  </dependencies>\n</project>",
        product.name.to_lowercase(),
        product.version
    )
}

/// Keeps Maven from fetching what a jar depends on.
const NOTHING_ELSE: &str = "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>";

/// The end of the path of a version's jars in any cache: it names what is in them.
pub fn place(product: &Product) -> Utf8PathBuf {
    Utf8PathBuf::from(product.name.to_lowercase())
        .join("maven")
        .join(Digest::of(pom(product)).short())
        .join("libs")
}

/// Whether a folder holds all the jars that it held when it was made.
///
/// # Errors
/// What the host reports.
pub async fn is_complete(host: &dyn ReadHost, libs: &Utf8Path) -> Result<bool, Fault> {
    let Some(list) = host.read(&libs.join(COMPLETE)).await? else {
        return Ok(false);
    };
    let names = host.list(libs).await?.unwrap_or_default();
    let list = String::from_utf8_lossy(&list);
    let mut wanted = list.lines().filter_map(|line| line.split_once(' '));
    Ok(!list.is_empty() && wanted.all(|(_, jar)| names.iter().any(|name| name == jar)))
}

/// Makes sure that the jars are in the cache; says where.
///
/// # Errors
/// [`FaultCode::Prerequisite`] without `mvn`; [`FaultCode::Download`] with the end of what it said.
pub async fn fetch(
    host: &dyn WriteHost,
    product: &Product,
    java_home: Option<&Utf8Path>,
) -> Result<Utf8PathBuf, Fault> {
    let cache = host.cache().await?;
    let libs = cache.join(place(product));
    if is_complete(host, &libs).await? {
        return Ok(libs);
    }
    if host.which("mvn").await?.is_none() {
        return Err(
            Fault::new(FaultCode::Prerequisite, "Maven is not installed")
                .because(format!(
                    "the jars of {} come through `mvn`",
                    product.title()
                ))
                .hint("Install it: `apt-get install maven`, or from https://maven.apache.org.")
                .hint("Or name the folder of an unpacked distribution as a parameter."),
        );
    }
    let folder = libs.parent().unwrap_or(&libs);
    set_broken_aside(host, folder, &libs).await?;
    let offline = host.is_offline().await;
    let unique = host.read("/proc/sys/kernel/random/uuid".into()).await?;
    let unique = String::from_utf8_lossy(&unique.unwrap_or_default())
        .trim()
        .to_owned();
    let work = format!("{folder}.work-{unique}");
    let argv = [
        "sh",
        "-c",
        SCRIPT,
        "krun-maven",
        &work,
        folder.as_str(),
        &pom(product),
        if offline { "-o" } else { "" },
    ];
    let argv = argv.map(str::to_owned);
    let env: Map<String> = java_home
        .map(|home| ("JAVA_HOME".to_owned(), home.to_string()))
        .into_iter()
        .collect();
    let output = host.fetch(&argv, &cache, &env, LIMIT).await?;
    if output.code == Some(0) && is_complete(host, &libs).await? {
        return Ok(libs);
    }
    let fault = failed(product, &output.stdout, &output.stderr);
    Err(match offline {
        true => fault.hint(format!(
            "`--offline` forbids to download them: run once without it, or bring {libs} over from a \
             machine that has it."
        )),
        false => fault,
    })
}

/// A folder of which jars were deleted is no use to anybody; it is renamed, so that a process that
/// still has its files open goes on.
async fn set_broken_aside(
    host: &dyn WriteHost,
    folder: &Utf8Path,
    libs: &Utf8Path,
) -> Result<(), Fault> {
    if host.stat(folder).await?.is_none() || is_complete(host, libs).await? {
        return Ok(());
    }
    let argv = [
        "sh",
        "-c",
        "mv \"$1\" \"$1.work-broken-$$\"",
        "krun-maven",
        folder.as_str(),
    ];
    let cwd = host.cache().await?;
    host.fetch(&argv.map(str::to_owned), &cwd, &Map::new(), LIMIT)
        .await
        .map(|_| ())
}

fn failed(product: &Product, stdout: &str, stderr: &str) -> Fault {
    // A transfer that fails is only a warning to Maven, which then complains of what it lacks.
    let causes = stdout
        .lines()
        .filter(|line| line.contains("Could not transfer"))
        .take(2);
    let errors = stdout
        .lines()
        .chain(stderr.lines())
        .filter(|line| line.contains("ERROR") && !line.trim_end().ends_with("[ERROR]"))
        .take(4);
    let errors: Vec<String> = causes.chain(errors).map(str::to_owned).collect();
    let tail = |text: &str| {
        let lines: Vec<_> = text.lines().collect();
        let from = lines.len().saturating_sub(10);
        lines[from..]
            .iter()
            .map(|line| (*line).to_owned())
            .collect()
    };
    let evidence: Vec<String> = match (errors.is_empty(), stderr.trim().is_empty()) {
        (false, _) => errors,
        (true, false) => tail(stderr),
        (true, true) => tail(stdout),
    };
    Fault::new(
        FaultCode::Download,
        format!("the jars of {} could not be downloaded", product.title()),
    )
    .because("`mvn dependency:copy-dependencies` failed")
    .evidence(evidence)
    .hint("Run the same command again: Maven goes on from what it has.")
    .hint("Behind a proxy, or with a mirror, see <proxies> and <mirrors> in ~/.m2/settings.xml.")
    .hint("Without any network, give the folder of an unpacked distribution (argument `home`; the shipped runbook calls it `kafka_home`).")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions;

    #[test]
    fn the_pom() {
        let product = versions::find("2.8.0").unwrap().product();
        let text = pom(&product);
        assert!(text.contains(
            "<groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>2.8.0</version></dependency>"
        ));
        assert!(
            text.contains(
                "<artifactId>kafka-tools</artifactId><version>2.8.0</version><exclusions>"
            )
        );
        assert_eq!(text.matches("<dependency>").count(), 3);
        assert!(place(&product).as_str().starts_with("kafka/maven/"));
        let zookeeper = versions::zookeeper::find("3.9.0").unwrap().product();
        assert!(place(&zookeeper).as_str().starts_with("zookeeper/maven/"));
    }

    #[test]
    fn what_maven_said() {
        let product = versions::find("3.9.1").unwrap().product();
        let said = "[INFO] x\n[WARNING] Could not transfer y: refused\n[ERROR] No y\n[ERROR] \n";
        assert_eq!(
            failed(&product, said, "").evidence,
            ["[WARNING] Could not transfer y: refused", "[ERROR] No y"]
        );
        assert_eq!(failed(&product, "", "sh: oops\n").evidence, ["sh: oops"]);
    }
}
