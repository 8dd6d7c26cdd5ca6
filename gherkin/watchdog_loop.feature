Feature: The watchdog loop
  What goes wrong in a training run is found, answered and put right; a person can step in at any time.

  Scenario: A corrupt batch is passed over
    Given a training run that meets a corrupt batch
    Then an alert "loss-spike" is raised about it
    And the events behind the alert can be looked up
    And it obeys "skip_batch"
    And it makes more steps
    And the alert is resolved

  Scenario: A damaged model is rolled back
    Given a training run whose learning rate leaps for one step
    Then an alert "model-damaged" is raised about it
    And it obeys "roll_back"
    And it makes more steps
    And the alert is resolved

  Scenario: A person pauses a run and lets it go on
    Given a training run
    When a person asks it to "pause"
    Then it obeys "pause"
    And it makes no more steps
    When a person asks it to "resume"
    Then it obeys "resume"
    And it makes more steps
    When a person asks it to "stop"
    Then it obeys "stop"
    And it has ended as "stopped"

  Scenario: What is heard too late is refused
    Given a loop of somebody's own that tells what it does
    When a person asks it to "pause" within a second, and it looks only after that
    Then it refuses "pause"

  Scenario: What a person takes notice of stays told
    Given a loop of somebody's own that tells what it does
    When its loss is not a number for 3 steps
    Then an alert "loss-not-finite" is raised about it
    When a person takes notice of the alert
    Then the alert is acknowledged
    When a person wants no more notice of the alert
    Then the alert is silenced, and still listed
    When the loop ends
    Then the alert is resolved
