// What the adapter does with libunderstudy, without NEST: open models, and the
// populations that nodes share.
#ifndef UNDERSTUDY_NEST_GROUP_H
#define UNDERSTUDY_NEST_GROUP_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "understudy.h"

namespace understudy
{

// What libunderstudy reports.
class Error : public std::runtime_error
{
  using std::runtime_error::runtime_error;
};

// Parameters of a node that its population depends on.
struct Parameters
{
  std::string model; // path of the model file; empty: not set yet
  std::string precision = "f32";
  std::string kernel; // empty: the best for this CPU
  std::string spikes = "threshold";
  std::int64_t seed = 0; // of spikes "sample"; its bits are the library's unsigned one
  bool batched = true;

  bool operator==( const Parameters& ) const = default;

  // For the library. Throws std::invalid_argument for a word that is not one of those
  // expected. They refer to kernel.
  us_options options() const;
};

// An open model and checked options. Nodes with equal parameters share one, so
// that a thousand nodes read their model once.
class Settings
{
public:
  // Opens the model and makes a population of one, so that whatever the library
  // refuses it refuses here. Throws Error, and what Parameters::options does.
  explicit Settings( const Parameters& );
  ~Settings();
  Settings( const Settings& ) = delete;
  Settings& operator=( const Settings& ) = delete;

  // Those of equal parameters and an unchanged file, where a node still has them.
  static std::shared_ptr< const Settings > shared( const Parameters& );

  long channels() const { return channels_; }

  // A new population of as many neurons as numbers, by which each draws its spikes.
  us_population create( const std::vector< std::int64_t >& numbers ) const;

private:
  Parameters parameters_;
  us_model model_ = 0;
  long channels_ = 0;
};

// A population and the events on their way to it. All its nodes live on one thread,
// which alone uses it. Steps are numbered by their start [ms] in the host's time.
class Group
{
public:
  // first: the step that is the population's step 0.
  Group( std::shared_ptr< const Settings >, std::int64_t first );
  ~Group();
  Group( const Group& ) = delete;
  Group& operator=( const Group& ) = delete;

  // The group that nodes of these settings, on this thread, join before step `first`,
  // the next to be done: one that has not started, or a new one.
  static std::shared_ptr< Group > forming( const std::shared_ptr< const Settings >&, std::size_t thread, std::int64_t first );

  // Adds the neuron with that number and returns its index. The group must not have started.
  std::int32_t join( std::int64_t number );
  bool started() const { return population_ != 0; }
  // The step to be done next.
  std::int64_t next() const { return next_; }

  // Stores `times` events of a step that is not done yet.
  void add( std::int64_t step, std::int32_t neuron, std::int32_t channel, float weight, std::size_t times );

  // Does all steps before `end` that are not done, and keeps the results of those from
  // `begin` on. Whichever node of the group comes first in a slice calls it; for the
  // others it has nothing to do. Throws Error, after which the group is of no use.
  void advance( std::int64_t begin, std::int64_t end )
  {
    if ( next_ < end )
    {
      compute( begin, end );
    }
  }

  // How much of the input of all its neurons the model never saw in training. false before it
  // has started.
  bool input_range( us_input_range& ) const;
  // A number that no other population has or had; 0 before it has started.
  us_population population() const { return population_; }

  // Results of a step of the last advance that had something to do.
  bool spike( std::int64_t step, std::int32_t neuron ) const { return spike_[ at( step, neuron ) ] != 0; }
  float p_spike( std::int64_t step, std::int32_t neuron ) const { return p_spike_[ at( step, neuron ) ]; }
  float v_soma_mv( std::int64_t step, std::int32_t neuron ) const { return v_soma_mv_[ at( step, neuron ) ]; }

private:
  std::size_t at( std::int64_t step, std::int32_t neuron ) const { return static_cast< std::size_t >( step - kept_ ) * numbers_.size() + neuron; }
  std::vector< us_event >& slot( std::int64_t step ) { return slots_[ static_cast< std::size_t >( step ) & ( slots_.size() - 1 ) ]; }
  void grow( std::int64_t step );
  void compute( std::int64_t begin, std::int64_t end );
  void run( std::int32_t steps, const us_output* );

  std::shared_ptr< const Settings > settings_;
  us_population population_ = 0;
  std::vector< std::int64_t > numbers_; // of the neurons
  std::int64_t first_; // the population's step 0
  std::int64_t next_;
  // Events by step, a ring of a power of two of steps: next_ is the first of them. With over
  // a thousand channels, most without an event, this is shorter than a buffer for each.
  std::vector< std::vector< us_event > > slots_;
  std::vector< us_event > several_; // events of several steps
  std::int64_t kept_ = 0;           // the first step whose results are kept
  std::vector< std::uint8_t > spike_;
  std::vector< float > p_spike_, v_soma_mv_;
};

} // namespace understudy

#endif
