//! Loading of settings: precedence, errors and the printed form.

use super::*;

#[test]
fn a_printed_configuration_is_one_that_says_the_same() {
    let model = "data = '/d'\n[model]\nurl = 'http://a/v1'\nname = 'm'\nmax_output_tokens = 9";
    for file in ["data = '/d'", model, "data = '/d'\n[tls]\ncertificate = '/c'\nkey = '/k'"] {
        let settings = load(Given::default(), file).unwrap();
        let printed = toml::to_string(&settings).unwrap();
        assert_eq!(load(Given::default(), &printed).unwrap(), settings);
    }
}

#[test]
fn the_file_in_deploy_says_the_defaults() {
    let given = || Given { data: Some("/d".into()), ..Given::default() };
    let deployed = load(given(), include_str!("../../../deploy/gateway.toml")).unwrap();
    assert_eq!(deployed, load(given(), "").unwrap());
}

#[test]
fn what_is_given_goes_before_the_file() {
    let given = Given { data: Some("/given".into()), ..Given::default() };
    let settings = load(given, "data = '/file'\n[worker]\nstall = '1m'\n[log]\nformat = 'json'").unwrap();
    assert_eq!(settings.data, Path::new("/given"));
    assert_eq!(settings.worker.stall, Span::from_secs(60));
    assert_eq!(settings.worker.silence, Span::from_secs(120));
    assert_eq!(settings.log.format, LogFormat::Json);
}

#[test]
fn certificate_and_key_may_be_said_in_different_places() {
    let tls = GivenTls { certificate: Some("/given".into()), key: None };
    let given = Given { tls, ..Given::default() };
    let settings = load(given, "data = '/d'\n[tls]\ncertificate = '/c'\nkey = '/k'").unwrap();
    assert_eq!(settings.tls.files(), Some((Path::new("/given"), Path::new("/k"))));
    assert_eq!(load(Given::default(), "data = '/d'").unwrap().tls.files(), None);
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
        ("", "say where to keep the data"),
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
        ("data = '/d'\n[rpc]\nanonymous = 'everything'", "`catalogue`"),
        ("data = '/d'\n[limits.total]\nbody_bytes = 0", "line 3"),
        ("data = '/d'\n[feed]\nping_interval = '1ms'", "`feed.ping_interval` is 1ms; it takes at least 1s"),
        ("data = '/d'\n[feed]\ntick = '0s'", "`feed.tick` is 0s; it takes at least 1ms"),
        ("data = '/d'\n[feed]\nwaiting_keys = 0", "line 3"),
        ("data = '/d'\n[feed]\nmax_message = '1B'", "it takes at least 1KiB"),
        ("data = '/d'\n[feed.jwt]\nsecret = 'a'", "`secret`"),
        ("data = '/d'\n[feed.jwt]\nissuer = 'a'", "`feed.jwt.secret_file`"),
        ("data = '/d'\n[feed.jwt]\nsecret_file = '/nowhere/at/all'", "/nowhere/at/all"),
        ("data = '/d'\n[mcp]\nsession_idle = '1ms'", "`mcp.session_idle` is 1ms; it takes at least 1s"),
        ("data = '/d'\n[mcp]\nurl = 'example.com'", "it takes a scheme and a host"),
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
        ("data = '/d'\n[model]\nurl = 'example.com/v1'", "the model's URL is none"),
        ("data = '/d'\n[model]\nurl = 'http://a:b@example.com/v1'", "PLATOOLS_GATEWAY_MODEL_KEY"),
        ("data = '/d'\n[otlp]\nheaders = 'a=b'", "line 3"),
        ("data = '/d'\n[otlp]\nsample_ratio = 1.5", "`otlp.sample_ratio` is 1.5; it takes a number from 0 to 1"),
    ] {
        let error = error(file);
        assert!(error.contains(part), "{file}: {error}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Settings::load(Given::default(), Some(Path::new("/nowhere/gateway.toml"))).unwrap_err();
    assert!(error.to_string().contains("/nowhere/gateway.toml"), "{error}");
}
