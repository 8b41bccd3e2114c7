//! [`markdown`]: writes the figures of a run of the benchmark as a Markdown table.

use std::fmt::Write;

use crate::driver::{Load, Plan, Sample};
use crate::workers::Kind;

/// What the ratios are meant to reach: (load, in flight) for default and for `inline` tools.
fn target(kind: Kind, load: Load, in_flight: usize) -> Option<f64> {
    match (kind, load, in_flight) {
        (Kind::Default, Load::Add, 1) => Some(0.85),
        (Kind::Default, Load::Add, 16) => Some(0.75),
        (Kind::Default, Load::Add, 256) => Some(0.45),
        (Kind::Inline, Load::Add, 1) => Some(0.95),
        (Kind::Inline, Load::Add, 16) => Some(0.90),
        (Kind::Inline, Load::Add, 256) => Some(0.65),
        (Kind::Default, Load::Echo(_), _) => Some(0.90),
        (Kind::Inline, Load::Echo(_), _) => Some(0.95),
        _ => None,
    }
}

/// Medians of each figure, and the median of the ratios of runs that stood side by side.
pub fn markdown(plan: &Plan, samples: &[Sample]) -> String {
    let mut kinds = Vec::new();
    for sample in samples {
        if !kinds.contains(&sample.kind) {
            kinds.push(sample.kind);
        }
    }
    let mut table = String::from(HEAD);
    for &load in &plan.loads {
        for &in_flight in &plan.in_flight {
            for &kind in &kinds {
                row(&mut table, samples, kind, load, in_flight);
            }
        }
    }
    table
}

const HEAD: &str = include_str!("../report-head.md");

fn row(table: &mut String, samples: &[Sample], kind: Kind, load: Load, in_flight: usize) {
    let of = |kind| move |sample: &&Sample| (sample.kind, sample.load, sample.in_flight) == (kind, load, in_flight);
    let own: Vec<_> = samples.iter().filter(of(kind)).collect();
    let bare: Vec<_> = samples.iter().filter(of(Kind::Bare)).collect();
    let ratios = own.iter().zip(&bare).map(|(own, bare)| own.calls_per_second / bare.calls_per_second).collect();
    let calls = median(own.iter().map(|sample| sample.calls_per_second).collect());
    let latency = median(own.iter().map(|sample| sample.median_latency.as_secs_f64() * 1e6).collect());
    let cpu = own.iter().filter_map(|sample| sample.cpu_per_call).map(|time| time.as_secs_f64() * 1e6).collect();
    let cpu = median(cpu);
    let target = target(kind, load, in_flight).map_or_else(String::new, |target| format!("{target:.2}"));
    let (load, kind, ratio) = (load.label(), kind.label(), median(ratios));
    writeln!(table, "| {load} | {in_flight} | {kind} | {calls:.0} | {latency:.0} | {cpu:.2} | {ratio:.2} | {target} |")
        .expect("writing into memory does not fail");
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
