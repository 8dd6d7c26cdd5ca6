Feature: Resuming
  A training run that dies goes on where it was, and comes out as if it had never died.

  Scenario: A killed run comes out as one that was never broken off
    Given a training run that was never broken off
    And the same training again, killed after a checkpoint
    When it is started again
    Then it goes on from a checkpoint, to its end
    And each of its losses equals that of the run that was never broken off

  Scenario: A damaged checkpoint is not believed
    Given a training run that was killed after two checkpoints
    When its newest checkpoint is damaged
    And it is started again
    Then it goes on from the checkpoint before
