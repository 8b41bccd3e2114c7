//! Tests of the settings of the span exporter.

use crate::collector::{Collector, Setup, text};
use crate::program_process::{command, stdout};
use crate::support::within;

/// Output and errors of `config check`.
async fn check(file: &str, variables: &[(&str, &str)]) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gateway.toml");
    std::fs::write(&path, format!("data = '/d'\n{file}")).unwrap();
    let mut command = command(&["config", "check", "--config", path.to_str().unwrap()]);
    let checked = within(command.envs(variables.iter().copied()).output()).await.unwrap();
    assert_eq!(checked.status.success(), checked.stderr.is_empty(), "{checked:?}");
    (stdout(&checked), String::from_utf8(checked.stderr).unwrap())
}

#[tokio::test]
async fn our_own_variables_go_before_the_standards_and_those_before_the_file() {
    let file = "[otlp]\nendpoint = 'http://file'\nservice_name = 'file'\n";
    let standard = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://standard"), ("OTEL_SERVICE_NAME", "standard")];
    let own = [("PLATOOLS_GATEWAY_OTLP_ENDPOINT", "http://own"), ("PLATOOLS_GATEWAY_OTLP_SERVICE_NAME", "own")];
    let both = [standard, own].concat();
    for (variables, expected) in [(&[][..], "file"), (&standard, "standard"), (&both, "own")] {
        let (printed, _) = check(file, variables).await;
        for line in [format!("endpoint = \"http://{expected}\""), format!("service_name = \"{expected}\"")] {
            assert!(printed.contains(&line), "{printed}");
        }
    }
    let (printed, _) = check(file, &[("PLATOOLS_GATEWAY_OTLP_ENDPOINT", "")]).await;
    assert!(!printed.contains("endpoint"), "{printed}");
}

#[tokio::test]
async fn headers_are_never_printed() {
    let file = "[otlp]\nendpoint = 'http://127.0.0.1:4318'\n";
    let (printed, error) = check(file, &[("OTEL_EXPORTER_OTLP_HEADERS", "api-key=hush")]).await;
    assert!(printed.contains("endpoint") && !printed.contains("hush"), "{printed}");
    assert_eq!(error, "");
    let (_, error) = check(file, &[("OTEL_EXPORTER_OTLP_HEADERS", "api-key=hush,hush")]).await;
    assert!(error.contains("OTEL_EXPORTER_OTLP_HEADERS") && !error.contains("hush"), "{error}");
}

#[tokio::test]
async fn headers_are_in_no_log() {
    let mut collector = Collector::start().await;
    let variables = [("OTEL_EXPORTER_OTLP_HEADERS", "api-key=hush-header")];
    let mut setup = Setup::start(&collector.url, &["--log-filter", "trace"], &variables).await;
    setup.call(None).await;
    assert_eq!(collector.next().await.headers["api-key"], "hush-header");
    let log = setup.stop().await;
    assert!(log.contains("calls are sent to the collector as spans") && !log.contains("hush"), "{log}");
}

#[tokio::test]
async fn the_service_has_the_name_and_the_attributes_it_was_given() {
    let mut collector = Collector::start().await;
    let variables = [("OTEL_SERVICE_NAME", "tools"), ("OTEL_RESOURCE_ATTRIBUTES", "cloud.region=here,service.name=no")];
    let mut setup = Setup::start(&format!("{}/", collector.url), &[], &variables).await;
    setup.call(None).await;
    let request = collector.next().await.read();
    let resource = request.resource_spans[0].resource.clone().unwrap().attributes;
    assert_eq!(text(&resource, "service.name"), Some("tools"));
    assert_eq!(text(&resource, "cloud.region"), Some("here"));
}
