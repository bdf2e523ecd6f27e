//! Packaged charts: the archives that helm accepts, and hostile charts, which end in an error within seconds.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::common::{assert_same, helm_objects, helm_template, render, scratch, write};

const CHART: &str = "apiVersion: v2\nname: web\nversion: 0.1.0\n";
const TEMPLATE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata:\n  values: {{ toJson .Values | quote }}\n  \
    files: {{ range $name, $data := .Files }}{{ $name }}={{ len $data }},{{ end }}\n";

/// An entry of an archive.
enum Entry<'t> {
    File(&'t str, &'t str),
    Link(&'t str, &'t str),
    Folder(&'t str),
}

use Entry::{File, Folder, Link};

/// Returns a tar archive, whatever the paths are.
fn tar(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for entry in entries {
        let (name, text, kind, target) = match entry {
            File(name, text) => (name, *text, tar::EntryType::Regular, ""),
            Link(name, target) => (name, "", tar::EntryType::Symlink, *target),
            Folder(name) => (name, "", tar::EntryType::Directory, ""),
        };
        let mut header = tar::Header::new_gnu();
        // Written as bytes: the tar crate refuses to write paths that a chart must not have.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_entry_type(kind);
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, text.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn objects(chart: &Path) -> Result<Vec<serde_json::Value>, String> {
    let flags: &[&str] = &[];
    let objects = render(&chart.display().to_string(), flags).map_err(|e| e.to_string())?;
    Ok(objects.into_iter().map(|object| object.value).collect())
}

#[test]
#[ignore = "needs helm: run cargo xtask test"]
fn archives_are_read_as_helm_reads_them() {
    let taken: &[(&str, &[Entry<'_>])] = &[
        (
            "tar -C web -cz .",
            &[
                Folder("./"),
                File("./Chart.yaml", CHART),
                Folder("./templates/"),
                File("./templates/a.yaml", TEMPLATE),
                File("./a", "1"),
            ],
        ),
        (
            "several first folders",
            &[
                File("a/Chart.yaml", CHART),
                File("b/templates/a.yaml", TEMPLATE),
                File("c/.//d", "1"),
            ],
        ),
        (
            "written on Windows",
            &[
                File(r"web\Chart.yaml", CHART),
                File(r"web\templates\a.yaml", TEMPLATE),
                File(r"web\a\b", "1"),
            ],
        ),
        (
            "the last of two files with the same path counts",
            &[
                File("web/values.yaml", "a: 1\n"),
                File("web/templates/a.yaml", "{{ nope }}"),
                File("web/Chart.yaml", CHART),
                File("web/a", "1"),
                File("web/templates/a.yaml", TEMPLATE),
                File("web/./a", "22"),
                File("web/values.yaml", "b: 2\n"),
            ],
        ),
        (
            "a link is an empty file",
            &[
                File("web/Chart.yaml", CHART),
                File("web/templates/a.yaml", TEMPLATE),
                Link("web/templates/b.yaml", "/etc/passwd"),
                Link("web/b", "../../../etc/passwd"),
            ],
        ),
    ];
    let parent = scratch("archives-taken");
    let flags: &[&str] = &[];
    for (i, (case, entries)) in taken.iter().enumerate() {
        let path = parent.join(format!("{i}.tgz"));
        std::fs::write(&path, gzip(&tar(entries))).unwrap();
        let wanted = helm_objects(&path.display().to_string(), flags);
        assert_eq!(wanted.len(), 1, "{case}");
        assert_same(
            case,
            &wanted,
            &objects(&path).unwrap_or_else(|e| panic!("{case}: {e}")),
        );
    }
    let refused: &[(&str, &[Entry<'_>])] = &[
        ("a folder in the folder", &[File("./web/Chart.yaml", CHART)]),
        ("Chart.yaml at the top", &[File("Chart.yaml", CHART)]),
        (
            "an absolute path",
            &[File("web/Chart.yaml", CHART), File("web//etc/passwd", "")],
        ),
        (
            "a path that leaves the chart",
            &[File("web/Chart.yaml", CHART), File("web/a/../../b", "")],
        ),
        (
            "a drive",
            &[File("web/Chart.yaml", CHART), File(r"web\c:\a", "")],
        ),
        ("no folder", &[File("web/Chart.yaml", CHART), File("a", "")]),
        (
            "a name of dots",
            &[File("web/Chart.yaml", CHART), File("web/..a", "")],
        ),
    ];
    for (i, (case, entries)) in refused.iter().enumerate() {
        let path = parent.join(format!("refused-{i}.tgz"));
        std::fs::write(&path, gzip(&tar(entries))).unwrap();
        assert_ne!(
            helm_template(&path.display().to_string(), flags).code,
            0,
            "{case}"
        );
        assert!(objects(&path).is_err(), "{case}");
    }
}

/// Asserts that a chart is refused with this reason within some seconds.
#[track_caller]
fn assert_refused(case: &str, chart: &Path, reason: &str) {
    let start = Instant::now();
    let error = objects(chart).expect_err(case);
    let time = start.elapsed();
    assert!(error.contains(reason), "{case}: {error}");
    assert!(time < Duration::from_mins(1), "{case}: {time:?}");
}

/// A gzip stream of a tar header that announces a file of this size, and as many zeros as it says.
fn zeros(name: &str, gibibytes: usize) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_size((gibibytes as u64) << 30);
    header.set_cksum();
    let block = gzip(&vec![0; 16 << 20]);
    [gzip(header.as_bytes()), block.repeat(gibibytes * 64)].concat()
}

#[test]
fn archives_that_grow_are_refused() {
    let folder = scratch("archives-bombs");
    let chart = gzip(&tar(&[File("web/Chart.yaml", CHART)])[..1024]);
    let table: &[(&str, Vec<u8>, &str)] = &[
        (
            "a file of 10 GB",
            [chart.clone(), zeros("web/a", 10)].concat(),
            "larger than 100 MiB",
        ),
        (
            "a folder of 10 GB",
            [chart.clone(), zeros("web/a/", 10)].concat(),
            "larger than 100 MiB",
        ),
        (
            "10 GB of zeros",
            gzip(&vec![0; 16 << 20]).repeat(640),
            "contains no file",
        ),
    ];
    for (i, (case, bytes, reason)) in table.iter().enumerate() {
        let path = folder.join(format!("{i}.tgz"));
        std::fs::write(&path, bytes).unwrap();
        assert_refused(case, &path, reason);
    }
}

#[test]
fn subcharts_share_the_limit_of_their_chart() {
    let folder = scratch("archives-nested-bombs");
    let zeros = "\0".repeat(30 << 20);
    let chart = "apiVersion: v2\nname: sub\nversion: 0.1.0\n";
    let sub = gzip(&tar(&[
        File("sub/Chart.yaml", chart),
        File("sub/a", &zeros),
    ]));
    write(&folder.join("large/Chart.yaml"), CHART);
    write(&folder.join("many/Chart.yaml"), CHART);
    std::fs::create_dir_all(folder.join("large/charts")).unwrap();
    std::fs::create_dir_all(folder.join("many/charts")).unwrap();
    for i in 0..40 {
        std::fs::write(folder.join(format!("large/charts/{i}.tgz")), &sub).unwrap();
    }
    assert_refused(
        "large subcharts",
        &folder.join("large"),
        "larger than 100 MiB",
    );
    let names: Vec<String> = (0..9_000).map(|i| format!("sub/{i}")).collect();
    let mut files: Vec<_> = names.iter().map(|name| File(name, "")).collect();
    files.push(File("sub/Chart.yaml", chart));
    let sub = gzip(&tar(&files));
    for i in 0..3 {
        std::fs::write(folder.join(format!("many/charts/{i}.tgz")), &sub).unwrap();
    }
    assert_refused("many files", &folder.join("many"), "more than 20000 files");
}

#[test]
fn a_chart_of_many_files_is_rendered() {
    let folder = scratch("archives-many-files");
    write(&folder.join("Chart.yaml"), CHART);
    for i in 0..10_000 {
        let text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: n{i}}}\n");
        write(&folder.join(format!("templates/{i}.yaml")), &text);
    }
    let start = Instant::now();
    assert_eq!(objects(&folder).unwrap().len(), 10_000);
    assert!(
        start.elapsed() < Duration::from_mins(1),
        "{:?}",
        start.elapsed()
    );
}

#[cfg(unix)]
#[test]
fn links_out_of_a_chart_are_refused() {
    use std::os::unix::fs::symlink;
    let parent = scratch("archives-links");
    write(&parent.join("secret"), "password");
    write(&parent.join("LICENSE"), "text");
    write(&parent.join("shared/a.yaml"), "x: y\n");
    for (i, (link, target)) in [
        ("templates/a.yaml", "../../secret"),
        ("templates/a.yaml", "/etc/passwd"),
        ("LICENSE", "../secret"),
        ("files", "../shared"),
        ("charts/LICENSE", "../../LICENSE"),
        ("values.yaml", "../shared/a.yaml"),
    ]
    .into_iter()
    .enumerate()
    {
        let chart = parent.join(i.to_string());
        write(&chart.join("Chart.yaml"), CHART);
        std::fs::create_dir_all(chart.join(link).parent().unwrap()).unwrap();
        symlink(target, chart.join(link)).unwrap();
        assert_refused(link, &chart, "symbolic link out of the chart's folder");
    }
    let chart = parent.join("taken");
    write(&chart.join("Chart.yaml"), CHART);
    write(&chart.join("templates/a.yaml"), TEMPLATE);
    write(&chart.join("real/b"), "12");
    symlink("../LICENSE", chart.join("LICENSE")).unwrap();
    symlink("real", chart.join("linked")).unwrap();
    let files = objects(&chart).unwrap()[0]["data"]["files"].clone();
    assert_eq!(files, "LICENSE=4,linked/b=2,real/b=2,");
}

#[cfg(unix)]
#[test]
fn links_that_make_a_folder_contain_itself_are_refused() {
    use std::os::unix::fs::symlink;
    let folder = scratch("archives-loops");
    write(&folder.join("Chart.yaml"), CHART);
    std::fs::create_dir_all(folder.join("a")).unwrap();
    for name in ["b", "c", "d"] {
        symlink(".", folder.join("a").join(name)).unwrap();
    }
    assert_refused("links to their folder", &folder, "");
}
