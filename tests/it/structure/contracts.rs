//! The contracts between the services, line by line: a number that moves is a diff that is seen.

use protox::prost_reflect::{
    Cardinality, DescriptorPool, EnumDescriptor, FieldDescriptor, MessageDescriptor, ServiceDescriptor,
};

use crate::support::repository;

fn pool() -> DescriptorPool {
    DescriptorPool::decode(contracts::DESCRIPTORS).expect("the descriptors of the contracts")
}

/// One sorted line for each field, enum value and rpc of ours.
fn lines() -> Vec<String> {
    let pool = pool();
    let ours = |name: &str| name.starts_with("dialtone.");
    let mut lines = Vec::new();
    for message in pool.all_messages().filter(|message| ours(message.full_name()) && !message.is_map_entry()) {
        lines.extend(fields(&message));
    }
    for values in pool.all_enums().filter(|it| ours(it.full_name())) {
        lines.extend(enum_values(&values));
    }
    for service in pool.services().filter(|it| ours(it.full_name())) {
        lines.extend(rpcs(&service));
    }
    lines.sort();
    lines
}

fn fields(message: &MessageDescriptor) -> Vec<String> {
    let line = |field: FieldDescriptor| {
        let label = match (field.cardinality(), field.containing_oneof()) {
            (Cardinality::Repeated, _) => "repeated ".to_owned(),
            (Cardinality::Required, _) => "required ".to_owned(),
            (Cardinality::Optional, Some(oneof)) => format!("oneof {} ", oneof.name()),
            (Cardinality::Optional, None) => String::new(),
        };
        format!("{} = {} {label}{:?}", field.full_name(), field.number(), field.kind())
    };
    message.fields().map(line).collect()
}

fn enum_values(values: &EnumDescriptor) -> Vec<String> {
    values.values().map(|value| format!("{}.{} = {}", values.full_name(), value.name(), value.number())).collect()
}

fn rpcs(service: &ServiceDescriptor) -> Vec<String> {
    let stream = |is_stream: bool| if is_stream { "stream " } else { "" };
    let line = |rpc: protox::prost_reflect::MethodDescriptor| {
        let (from, to) = (stream(rpc.is_client_streaming()), stream(rpc.is_server_streaming()));
        format!("{}: {from}{} -> {to}{}", rpc.full_name(), rpc.input().full_name(), rpc.output().full_name())
    };
    service.methods().map(line).collect()
}

#[test]
fn the_contracts_are_those_agreed_on() {
    let file = repository().join("tests/golden/contracts.txt");
    let text = format!(
        "# Every field, enum value and rpc between the services. A line may be added; one that changes or goes breaks\n\
         # whoever was built before.\n\
         # UPDATE_GOLDEN=1 cargo test -p system-tests contracts  writes this file anew.\n\n{}\n",
        lines().join("\n")
    );
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &text).expect("the golden file can be written");
    }
    let golden = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(text, golden, "review the change, then run UPDATE_GOLDEN=1 cargo test -p system-tests contracts");
}

/// What an older program does not set must mean nothing in particular.
#[test]
fn the_zero_of_every_enum_is_unspecified() {
    for values in pool().all_enums().filter(|it| it.full_name().starts_with("dialtone.")) {
        let zero = values.get_value(0).expect("a zero");
        assert!(zero.name().ends_with("_UNSPECIFIED"), "{}", zero.full_name());
    }
}
