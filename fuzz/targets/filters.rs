//! Filing rules: settings that are accepted are the same after they were stored and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sekisho_queue::delivery::Filter;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(filter) = serde_json::from_slice::<Filter>(bytes)
        && filter.check().is_ok()
    {
        let kept = serde_json::to_string(&filter).expect("settings");
        assert_eq!(
            serde_json::from_str::<Filter>(&kept).expect("settings"),
            filter
        );
        assert!(filter.folders().len() <= filter.rules.len());
    }
});
