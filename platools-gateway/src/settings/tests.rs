//! Tests of settings from files, variables and flags: their order, errors and printed form.

use std::collections::BTreeMap;

use super::*;
use crate::gateway::Builder;

/// Loads a file, with values of flags above it.
fn load(given: &[(&str, &str)], file: &str) -> Result<Settings, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.toml");
    std::fs::write(&path, file).unwrap();
    let of = |name: &str| Settings::declared().into_iter().find(|(_, setting)| setting.name() == name).unwrap().1;
    let given: BTreeMap<String, Value> =
        given.iter().map(|(name, text)| ((*name).to_owned(), of(name).parse(text).unwrap())).collect();
    Settings::load_with(&Sources { file: Some(&path), given, ..Sources::default() }, |_| None)
        .map(|(settings, _)| settings)
}

/// The error about a file, when it is loaded or checked.
fn error(file: &str) -> String {
    let checked = load(&[], file).and_then(|settings| Builder::default().settings(settings).check());
    checked.unwrap_err().to_string()
}

#[test]
fn a_printed_configuration_is_one_that_says_the_same() {
    let model = "data = '/d'\n[model]\nurl = 'http://a/v1'\nname = 'm'\nmax_output_tokens = 9";
    let tokens = "[feed.jwt]\nsecret_file = '/k'\nproject = 'a/b'";
    for file in ["", "data = '/d'", model, "data = '/d'\n[tls]\ncertificate = '/c'\nkey = '/k'", tokens] {
        let printed = load(&[], file).unwrap().to_toml();
        assert_eq!(load(&[], &printed).unwrap().to_toml(), printed);
    }
}

#[test]
fn the_file_in_deploy_says_the_defaults() {
    let deployed = load(&[], include_str!("../../../deploy/gateway.toml")).unwrap();
    assert_eq!(deployed.to_toml(), Settings::default().to_toml());
}

#[test]
fn what_is_given_goes_before_the_file() {
    let file = "data = '/file'\n[worker]\nstall = '1m'\n[log]\nformat = 'json'";
    let settings = load(&[("data", "/given")], file).unwrap();
    assert_eq!(settings.data.as_deref(), Some(Path::new("/given")));
    assert_eq!(settings.worker.stall, Duration::from_secs(60));
    assert_eq!(settings.worker.silence, Duration::from_secs(120));
    assert_eq!(settings.log.format, LogFormat::Json);
}

#[test]
fn certificate_and_key_may_be_said_in_different_places() {
    let file = "data = '/d'\n[tls]\ncertificate = '/c'\nkey = '/k'";
    let settings = load(&[("tls.certificate", "/given")], file).unwrap();
    assert_eq!(settings.tls.files(), Some((Path::new("/given"), Path::new("/k"))));
    assert_eq!(load(&[], "data = '/d'").unwrap().tls.files(), None);
}

#[test]
fn an_empty_text_takes_back_what_the_file_says() {
    let settings = load(&[("model.url", ""), ("http.names", "")], "[model]\nurl = 'http://a'\n[http]\nnames = ['a']");
    let settings = settings.unwrap();
    assert_eq!((settings.model.url, settings.http.names), (None, Vec::<String>::new()));
}

#[test]
fn secrets_come_from_the_environment_and_are_not_shown() {
    let key = |of: &'static [(&str, &str)]| {
        let find = |name: &str| of.iter().find(|(known, _)| *known == name).map(|(_, key)| (*key).to_owned());
        let (settings, _) = Settings::load_with(&Sources::default(), find).unwrap();
        assert!(!settings.to_toml().contains("hush"));
        format!("{:?}", settings.model)
    };
    let both = &[("OPENAI_API_KEY", "hush"), ("PLATOOLS_GATEWAY_MODEL_KEY", "hush")];
    for variables in [both.as_slice(), &both[..1], &[("PLATOOLS_GATEWAY_MODEL_KEY", ""), ("OPENAI_API_KEY", "hush")]] {
        let shown = key(variables);
        assert!(shown.contains("key: Some") && !shown.contains("hush"), "{shown}");
    }
    assert!(key(&[("PLATOOLS_GATEWAY_MODEL_KEY", "")]).contains("key: None"));
}

#[test]
fn variables_of_other_programs_go_before_the_file_and_after_flags() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.toml");
    std::fs::write(&path, "[log]\nfilter = 'warn'").unwrap();
    let filter = |given: &[(&str, &str)]| {
        let given = given.iter().map(|(name, text)| ((*name).to_owned(), Value::from(*text))).collect();
        let sources = Sources { file: Some(&path), given, sections: Some(&["log"]), ..Sources::default() };
        let rust_log = |name: &str| (name == "RUST_LOG").then(|| "error".to_owned());
        Settings::load_with(&sources, rust_log).unwrap().0.log.filter
    };
    assert_eq!(filter(&[]), "error");
    assert_eq!(filter(&[("log.filter", "debug")]), "debug");
}

#[test]
fn an_unknown_key_is_named_with_its_file_and_line() {
    for (file, line, key) in [
        ("data = '/d'\nlistne = '127.0.0.1:1'", "line 2", "`listne`"),
        ("data = '/d'\n\n[log]\nlevel = 'info'", "line 4", "`level`"),
        ("[wroker]\nstall = '1s'", "line 1", "`wroker`"),
    ] {
        let error = error(file);
        for part in ["gateway.toml", line, key] {
            assert!(error.contains(part), "{error}");
        }
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (file, part) in [
        ("data = '/d'\ndrain_limit = 'soon'", "line 2"),
        ("data = '/d'\ndrain_limit = 10", "a time such as \"30s\""),
        ("data = '/d'\nlisten = 'here'", "line 2"),
        ("data = '/d'\n[worker]\nsilence = '0s'", "`worker.silence` is 0s; it takes at least 1s"),
        ("data = '/d'\n[tls]\ncertificate = '/c'", "`tls.certificate` is set and `tls.key` is not; TLS takes both"),
        ("data = '/d'\n[tls]\nkey = '/k'", "`tls.key` is set and `tls.certificate` is not; TLS takes both"),
        ("data = '/d'\n[log]\nfilter = 'info=x=y'", "`log.filter` is no filter"),
        ("data = '/d'\n[log]\nformat = 'xml'", "line 3"),
        ("data = '/d'\n[limits.key]\ncalls_per_second = 0", "line 3"),
        ("data = '/d'\n[limits.keys]\ncalls_per_second = 1", "`keys`"),
        ("data = '/d'\n[journal]\nmax_size = 'much'", "a size such as"),
        ("data = '/d'\n[journal]\nrecording = 'some'", "`redacted`"),
        ("data = '/d'\n[audit]\nmax_age = '1s'", "`audit.max_age` is 1s; it takes at least 1h"),
        ("data = '/d'\n[audit]\nmax_rows = 0", "line 3"),
        ("data = '/d'\n[rpc]\nping_interval = '1ms'", "`rpc.ping_interval` is 1ms; it takes at least 1s"),
        ("data = '/d'\n[rpc]\nping_interval = '1m'", "needs more time"),
        ("data = '/d'\n[rpc]\nmax_message = '1B'", "it takes at least 1KiB"),
        ("data = '/d'\n[rpc]\nwaiting_bytes = '1B'", "`rpc.waiting_bytes` is 1B; it takes at least 1KiB"),
        ("data = '/d'\n[rpc]\nanonymous = 'everything'", "`catalog`"),
        ("data = '/d'\n[limits.total]\nbody_bytes = 0", "line 3"),
        ("data = '/d'\n[feed]\nping_interval = '1ms'", "`feed.ping_interval` is 1ms; it takes at least 1s"),
        ("data = '/d'\n[feed]\ntick = '0s'", "`feed.tick` is 0s; it takes at least 1ms"),
        ("data = '/d'\n[feed]\nwaiting_keys = 0", "line 3"),
        ("data = '/d'\n[feed]\nmax_message = '1B'", "it takes at least 1KiB"),
        ("data = '/d'\n[feed.jwt]\nsecret = 'a'", "`secret`"),
        ("data = '/d'\n[feed.jwt]\nissuer = 'a'", "`feed.jwt.secret_file`"),
        ("data = '/d'\n[feed.jwt]\nsecret_file = '/nowhere/at/all'", "/nowhere/at/all"),
        ("data = '/d'\n[mcp]\nsession_idle = '1ms'", "`mcp.session_idle` is 1ms; it takes at least 1s"),
        (
            "data = '/d'\n[http]\nnames = ['https://example.com']",
            "`http.names` has \"https://example.com\"; it takes names",
        ),
        (
            "data = '/d'\n[http]\nallowed_origins = ['example.com']",
            "`http.allowed_origins` has \"example.com\"; it takes",
        ),
        ("data = '/d'\n[mcp]\nmax_sessions = 0", "line 3"),
        ("data = '/d'\n[chat]\nbusy = 'never'", "`refuse`"),
        ("data = '/d'\n[chat]\nrun_limit = 5", "a time such as"),
        ("data = '/d'\n[chat]\nrun_limit = '0s'", "`chat.run_limit` is 0s; it takes at least 1s"),
        ("data = '/d'\n[chat]\nmax_age = '1s'", "`chat.max_age` is 1s; it takes at least 1m"),
        ("data = '/d'\n[chat]\nhistory_size = '1KiB'", "it takes at least 512KiB"),
        ("data = '/d'\n[runtime]\nchannel_idle = '1s'", "`runtime.channel_idle` is 1s; it takes at least 1m"),
        ("data = '/d'\n[limits.project]\nentities = 0", "line 3"),
        ("data = '/d'\n[idempotency]\nmax_keys = 0", "line 3"),
        ("data = '/d'\n[model]\nkey = 'a'", "`key`"),
        ("data = '/d'\n[model]\nmax_turns = 0", "line 3"),
        ("data = '/d'\n[model]\nurl = 'example.com/v1'", "`model.url` is not an HTTP URL"),
        ("data = '/d'\n[model]\nurl = 'http://a:b@example.com/v1'", "PLATOOLS_GATEWAY_MODEL_KEY"),
        ("data = '/d'\n[otlp]\nheaders = 'a=b'", "line 3"),
        ("data = '/d'\n[otlp]\nsample_ratio = 1.5", "`otlp.sample_ratio` is 1.5; it takes a number from 0 to 1"),
    ] {
        let error = error(file);
        assert!(error.contains(part), "{file}: {error}");
    }
}

#[test]
fn limits_that_would_end_everything_at_once_are_refused() {
    for (name, text) in
        [("runtime.session_timeout", "0s"), ("runtime.ticket_lifetime", "0s"), ("runtime.max_frame", "10B")]
    {
        let (_, setting) = Settings::declared().into_iter().find(|(_, setting)| setting.name() == name).unwrap();
        assert!(setting.parse(text).unwrap_err().contains("it takes at least"), "{name}");
    }
    assert!(load(&[("runtime.read_deadline", "30s")], "").unwrap_err().to_string().contains("needs more time"));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let sources = Sources { file: Some(Path::new("/nowhere/gateway.toml")), ..Sources::default() };
    let error = Settings::load_with(&sources, |_| None).unwrap_err();
    assert!(error.to_string().contains("/nowhere/gateway.toml"), "{error}");
}
