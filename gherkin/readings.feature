Feature: Readings
  Machines tell in packs of readings, and each reading counts once, for as long as is said.

  Scenario: Packs of readings are counted once, however often they are sent
    When a monitor sends 50 packs of 200 readings, and all of them again
    Then 10000 readings of it are kept
    And the newest of them is shown
    And it is said for how long and up to which number readings are kept
