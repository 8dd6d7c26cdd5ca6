Feature: Verified work
  An item that asks for proof is done only when its scenario has passed since it was claimed.

  Scenario: Work is not done before its proof has passed
    Given an item of work called "fix it" that needs the scenario "The lamp is on" to pass
    And ada has claimed it
    When ada completes it
    Then ada is refused, because "it has never been run"
    When the scenario is run while the lamp is off
    And ada completes it
    Then ada is refused, because "failed"
    When the scenario is run while the lamp is on
    And ada completes it
    Then it is completed by ada, once

  Scenario: A proof from before the claim does not count
    Given the scenario "The lamp is on" has passed before
    And an item of work called "again" that needs the scenario "The lamp is on" to pass
    And ada has claimed it
    When ada completes it
    Then ada is refused, because "before the claim"
