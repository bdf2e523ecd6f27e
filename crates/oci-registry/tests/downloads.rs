//! Blobs: whatever a registry sends, they are what was asked for.

use test_registry::{Answer, Cut, LyingRegistry};

use crate::common::{builder, client, descriptor, download, log, repository};

const CONTENT: &[u8] = b"the content of a layer";

/// Downloads [`CONTENT`] from a registry with these answers.
async fn read(answers: Vec<Answer>) -> (Result<Vec<u8>, String>, LyingRegistry) {
    let registry = LyingRegistry::start();
    for answer in answers {
        registry.on("GET", "/v2/a/b/blobs/", answer);
    }
    let repository = repository(&registry.address(), "a/b");
    let read = download(&client(&registry), &repository, &descriptor(CONTENT)).await;
    (read, registry)
}

#[tokio::test]
async fn a_blob_is_read_as_it_is() {
    let answers = [
        Answer::new(200).body(CONTENT),
        Answer::new(200).body(CONTENT).chunked(),
        Answer::new(200).body(CONTENT).until_close(),
    ];
    for answer in answers {
        let (read, registry) = read(vec![answer]).await;
        assert_eq!(read.unwrap(), CONTENT);
        let requests = registry.requests();
        assert_eq!(requests.len(), 1);
        assert_eq!(requests[0].header("accept-encoding"), Some("identity"));
        assert_eq!(requests[0].header("range"), None);
    }
}

#[tokio::test]
async fn what_is_not_the_blob_is_an_error_that_names_it() {
    let other = [b'x'; CONTENT.len()];
    let longer = [CONTENT, b"!"].concat();
    let shorter = &CONTENT[1..];
    let table = [
        (Answer::new(200).body(other), "it is not what was asked for"),
        (
            Answer::new(200).body(other).chunked(),
            "it is not what was asked for",
        ),
        (
            Answer::new(200).body(longer.clone()),
            "it has 23 bytes instead of 22",
        ),
        (
            Answer::new(200).body(longer).chunked(),
            "the content has more than 22 bytes",
        ),
        (
            Answer::new(200).body(CONTENT).endless(),
            "the content has more than 22 bytes",
        ),
        (
            Answer::new(200).body(shorter),
            "it has 21 bytes instead of 22",
        ),
        (
            Answer::new(200).body(shorter).chunked(),
            "it has 21 bytes instead of 22",
        ),
        (
            Answer::new(200)
                .body(CONTENT)
                .header("Content-Encoding", "gzip"),
            r#"the registry sends it with the encoding "gzip""#,
        ),
        (
            Answer::new(206).body(CONTENT),
            "it answers a request for a blob with 206",
        ),
        (Answer::new(204), "it answers a request for a blob with 204"),
        (Answer::new(404), "not found"),
        (
            Answer::new(403).body(r#"{"errors":[{"code":"DENIED","message":"pay first"}]}"#),
            "access denied: pay first",
        ),
        (Answer::new(401), "refuses"),
        (
            Answer::new(418).body("teapot ").endless(),
            "the registry answers 418 I'm a teapot: teapot teapot",
        ),
        (
            Answer::new(418).body("teapot"),
            "the registry answers 418 I'm a teapot: teapot",
        ),
    ];
    for (answer, message) in table {
        let label = format!("{answer:?}");
        let (read, registry) = read(vec![answer]).await;
        let error = read.unwrap_err();
        assert!(error.contains(message), "{error}: {label}");
        let place = format!("{}/a/b@{}", registry.address(), descriptor(CONTENT).digest);
        assert!(error.starts_with(&place), "{error}: {label}");
    }
}

#[tokio::test]
async fn a_download_that_breaks_is_resumed_where_it_was() {
    let rest = |from: usize| {
        Answer::new(206)
            .body(&CONTENT[from..])
            .header("Content-Range", &format!("bytes {from}-21/22"))
    };
    let broken = || {
        Answer::new(200)
            .body(CONTENT)
            .cut_after(10, Cut::Close)
            .times(1)
    };
    let (result, registry) = read(vec![broken(), rest(10)]).await;
    assert_eq!(result.unwrap(), CONTENT);
    let ranges: Vec<_> = registry
        .requests()
        .iter()
        .map(|request| request.header("range").map(str::to_owned))
        .collect();
    assert_eq!(ranges, [None, Some("bytes=10-".to_owned())]);

    // A registry that knows no ranges sends everything again.
    let (result, _) = read(vec![broken(), Answer::new(200).body(CONTENT)]).await;
    assert_eq!(result.unwrap(), CONTENT);

    // Others send what was not asked for.
    let table = [
        (
            rest(11),
            "it answers a request for the bytes from 10 on with others",
        ),
        (
            Answer::new(206)
                .body([b'x'; 12])
                .header("Content-Range", "bytes 10-21/22"),
            "it is not what was asked for",
        ),
        (
            Answer::new(206)
                .body([b'x'; 30])
                .header("Content-Range", "bytes 10-39/40"),
            "it has 30 bytes instead of 12",
        ),
    ];
    for (answer, message) in table {
        let error = read(vec![broken(), answer]).await.0.unwrap_err();
        assert!(error.contains(message), "{error}");
    }
}

#[tokio::test]
async fn a_download_that_breaks_again_and_again_ends_in_an_error() {
    let broken = Answer::new(200).body(CONTENT).cut_after(0, Cut::Close);
    let (result, registry) = read(vec![broken]).await;
    result.unwrap_err();
    assert_eq!(registry.requests().len(), 4, "three more than the first");
}

#[tokio::test]
async fn only_what_can_succeed_later_is_asked_for_again() {
    let content = || Answer::new(200).body(CONTENT);
    for status in [408, 429, 500, 502, 503, 504] {
        let (result, registry) = read(vec![Answer::new(status).times(2), content()]).await;
        assert_eq!(result.unwrap(), CONTENT, "{status}");
        assert_eq!(registry.requests().len(), 3, "{status}");
    }
    for status in [400, 403, 404, 405, 410] {
        let (result, registry) = read(vec![Answer::new(status).times(1), content()]).await;
        result.unwrap_err();
        assert_eq!(registry.requests().len(), 1, "{status}");
    }
    let (result, registry) = read(vec![Answer::new(503)]).await;
    let error = result.unwrap_err();
    assert!(error.contains("the registry answers 503"), "{error}");
    assert_eq!(registry.requests().len(), 4);
}

#[tokio::test]
async fn a_pause_that_is_too_long_is_told_instead_of_made() {
    let (result, registry) = read(vec![Answer::new(429).header("Retry-After", "86400")]).await;
    let error = result.unwrap_err();
    assert!(
        error.contains("too many requests: try again in 86"),
        "{error}"
    );
    assert_eq!(registry.requests().len(), 1);
    let soon = Answer::new(429).header("Retry-After", "0").times(1);
    let (result, _) = read(vec![soon, Answer::new(200).body(CONTENT)]).await;
    assert_eq!(result.unwrap(), CONTENT);
}

#[tokio::test]
async fn what_is_left_of_a_limit_is_in_the_log_and_in_the_error() {
    let limited = |status: u16, left: &str| {
        Answer::new(status)
            .header("ratelimit-limit", "100;w=21600")
            .header("ratelimit-remaining", left)
    };
    let registry = LyingRegistry::start();
    let refused = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"pull rate limit"}]}"#;
    registry
        .on("GET", "/v2/a/", limited(200, "76;w=21600").body(CONTENT))
        .on("GET", "/v2/b/", limited(429, "0;w=21600").body(refused));
    let (lines, log) = log();
    let client = builder(&registry.address()).log(log).build().unwrap();
    let read = async |path: &str| {
        let place = repository(&registry.address(), path);
        download(&client, &place, &descriptor(CONTENT)).await
    };
    assert_eq!(read("a").await.unwrap(), CONTENT);
    let error = read("b").await.unwrap_err();
    assert!(
        error.ends_with(": too many requests: pull rate limit; 0 of 100 requests left in 6 hours"),
        "{error}"
    );
    let lines = lines.lock().unwrap();
    let count = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!(
        count(": 200 OK (76 of 100 requests left in 6 hours), "),
        1,
        "{lines:?}"
    );
    assert_eq!(count(": 429 Too Many Requests (0 of 100"), 4, "{lines:?}");
}

#[tokio::test]
async fn redirects_are_followed_without_end_they_are_not() {
    let store = LyingRegistry::start();
    store.on("GET", "/store?signature=", Answer::new(200).body(CONTENT));
    let target = format!("http://{}/store?signature=secret", store.address());
    for status in [301, 302, 303, 307, 308] {
        let (result, _) = read(vec![Answer::redirect(status, &target)]).await;
        assert_eq!(result.unwrap(), CONTENT, "{status}");
    }
    let (result, registry) = read(vec![Answer::redirect(307, "/v2/a/b/blobs/x")]).await;
    let error = result.unwrap_err();
    assert!(error.contains("more than 5 redirects"), "{error}");
    assert_eq!(registry.requests().len(), 6);
    let (result, _) = read(vec![Answer::redirect(307, "ftp://example.com/")]).await;
    let error = result.unwrap_err();
    assert!(error.contains("neither http nor https"), "{error}");
}

#[tokio::test]
async fn a_reader_does_not_show_where_a_redirect_leads() {
    let registry = LyingRegistry::start();
    registry
        .on(
            "GET",
            "/v2/a/b/blobs/",
            Answer::redirect(307, "/store?signature=marker-secret"),
        )
        .on(
            "GET",
            "/store",
            Answer::new(200)
                .body(CONTENT)
                .header("Set-Cookie", "session=marker-secret"),
        );
    let repository = repository(&registry.address(), "a/b");
    let wanted = descriptor(CONTENT);
    let mut reader = client(&registry).blob(&repository, &wanted).await.unwrap();
    reader.chunk().await.unwrap();
    let shown = format!("{reader:?}");
    assert!(shown.contains(&wanted.digest.to_string()), "{shown}");
    assert!(!shown.contains("marker-secret"), "{shown}");
}
