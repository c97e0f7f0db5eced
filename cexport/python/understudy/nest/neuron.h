// The NEST node model "understudy": a neuron of a population of libunderstudy.
#ifndef UNDERSTUDY_NEST_NEURON_H
#define UNDERSTUDY_NEST_NEURON_H

#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "archiving_node.h"
#include "event.h"
#include "nest_time.h"
#include "nest_types.h"
#include "recordables_map.h"
#include "universal_data_logger.h"

#include "group.h"

namespace understudy
{

// Time. Step k takes the events of k <= t < k+1 ms and emits its spike with stamp k+1 ms.
// NEST hands an event of stamp T and delay d to the update that ends at T+d: that is its
// time of arrival t, and int(t) its step. All is counted in NEST's steps of the resolution,
// integers. A slice is at most the smallest delay long, so its events have arrived
// before it begins, and a group does all steps that end in a slice at once.
class Neuron : public nest::ArchivingNode
{
public:
  Neuron();
  Neuron( const Neuron& );

  using nest::Node::handle;
  using nest::Node::handles_test_event;

  std::size_t send_test_event( nest::Node&, std::size_t, nest::synindex, bool ) override;
  std::size_t handles_test_event( nest::SpikeEvent&, std::size_t ) override;
  std::size_t handles_test_event( nest::DataLoggingRequest&, std::size_t ) override;
  void handle( nest::SpikeEvent& ) override;
  void handle( nest::DataLoggingRequest& ) override;

  void get_status( Dictionary& ) const override;
  void set_status( const Dictionary& ) override;

private:
  friend class nest::RecordablesMap< Neuron >;
  friend class nest::UniversalDataLogger< Neuron >;

  void init_buffers_() override;
  void pre_run_hook() override;
  void update( const nest::Time&, const long, const long ) override;

  // Keeps the results of a step that is done; whether it emits a spike.
  bool take( std::int64_t step );
  void emit( long stamp, long lag );
  std::string name() const;
  double V_m() const { return v_m_; }
  double p_spike() const { return p_spike_; }

  static nest::RecordablesMap< Neuron > recordables_;

  Parameters parameters_;
  std::shared_ptr< const Settings > settings_; // of parameters_; null without a model
  std::int64_t highest_channel_ = -1;          // that a connection goes to

  std::shared_ptr< Group > group_; // from the first run on
  std::int32_t index_ = 0;         // in the group
  long per_ms_ = 0;                // NEST's steps in 1 ms

  // Of the last step that is done.
  float v_m_ = std::numeric_limits< float >::quiet_NaN();
  float p_spike_ = std::numeric_limits< float >::quiet_NaN();

  nest::UniversalDataLogger< Neuron > logger_;
  bool logged_ = false; // a multimeter is connected
  bool forced_ = false; // NEST's ignore_and_spike
};

} // namespace understudy

namespace nest
{
template <>
void RecordablesMap< understudy::Neuron >::create();
}

#endif
