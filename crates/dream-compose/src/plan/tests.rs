use super::*;

#[test]
fn a_prompt_becomes_a_valid_plan() {
    let plan = plan(&Prompt::parse("driving techno 132"), Seed(1));
    assert_eq!(plan.validate(), Ok(()));
}
