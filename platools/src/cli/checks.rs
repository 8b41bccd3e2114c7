//! The commands that check tools: [`doctor`] checks their declarations, and [`test`] their results.

use std::fs;
use std::process::ExitCode;

use serde_json::json;

use super::arguments::{DoctorArguments, TestArguments};
use super::output::{exit_code, print, print_lines};
use crate::doctor::Doctor;
use crate::registry::ToolRegistry;
use crate::testing::Batch;
use platools_transport::{Error, ErrorKind};

pub(super) fn doctor(doctor: Doctor, arguments: &DoctorArguments) -> Result<ExitCode, Error> {
    let report = doctor.check();
    if arguments.sarif {
        print(format_args!("{:#}", report.to_sarif()));
    } else if arguments.json {
        print(format_args!("{:#}", report.to_json()));
    } else {
        print_lines(&report);
    }
    Ok(exit_code(!report.has_errors()))
}

pub(super) async fn test(registry: &ToolRegistry, arguments: &TestArguments) -> Result<ExitCode, Error> {
    registry.check()?;
    let file = arguments.file.display();
    let text = fs::read_to_string(&arguments.file).map_err(|error| {
        Error::new(ErrorKind::InvalidSetting, format!("cannot read the batch of tests {file}: {error}"))
    })?;
    let batch = Batch::from_yaml(&text)?;
    if arguments.coverage {
        let coverage = batch.coverage(registry);
        if arguments.json {
            print(format_args!("{:#}", json!(coverage)))
        } else {
            print_lines(&coverage)
        }
        return Ok(ExitCode::SUCCESS);
    }
    let report = batch.run(registry).await;
    if let Some(junit) = &arguments.junit {
        fs::write(junit, report.to_junit()).map_err(|error| {
            Error::new(ErrorKind::InvalidSetting, format!("cannot write {}: {error}", junit.display()))
        })?;
    }
    if arguments.json {
        print(format_args!("{:#}", report.to_json()))
    } else {
        print_lines(&report)
    }
    Ok(exit_code(report.failed() == 0))
}
